import { beforeEach, describe, expect, it } from 'vitest';
import { OpenPublishes } from '../../../agent/hub/open-publishes.js';
import { FakeClock } from '../../support/fake-clock.js';

const message = {
  body: '{}',
  messageId: '1',
  priority: 'High',
  creationTimeUtc: '2026-01-02T03:04:05.000Z',
  securityMarker: false,
} as const;
const dropped = { kind: 'dropped' } as const;

let clock: FakeClock;
let publishes: OpenPublishes;

beforeEach(() => {
  clock = new FakeClock();
  publishes = new OpenPublishes(clock, { deviceId: 'gate-1', moduleId: 'm' });
});

describe('a message may have ended a connection', () => {
  it.each(['dropped', 'network'] as const)('that was closed right after it (%s)', async (kind) => {
    publishes.sent(message);
    await clock.advance(9_000);
    const says = publishes.suspicion({ kind });
    expect(says).toMatch(/^That was right after a message of \d+ bytes was published on devices/);
    expect(says).toContain('devices/gate-1/modules/m/messages/events/');
    expect(says).not.toContain('which may be why');
  });

  it.each([
    ['no message was sent', () => Promise.resolve()],
    [
      'a message was acknowledged before',
      () => {
        publishes.sent(message);
        publishes.acknowledged(message);
        publishes.sent({ ...message, messageId: '2' });
        return Promise.resolve();
      },
    ],
    [
      'it was sent long before',
      async () => {
        publishes.sent(message);
        await clock.advance(11_000);
      },
    ],
  ])('but not where %s', async (_, happened) => {
    await happened();
    expect(publishes.suspicion(dropped)).toBeUndefined();
  });

  it('but not where the end has a reason of its own', () => {
    publishes.sent(message);
    for (const kind of ['authorisation', 'timeout', 'tls'] as const) {
      expect(publishes.suspicion({ kind })).toBeUndefined();
    }
  });
});
