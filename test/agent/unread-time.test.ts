import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parseAuditPlace, type AuditPlace } from '../../collectors/kernel/audit/unread-time.js';
import { desired, deviceId, Fixture, payloadsOf, quick } from '../support/running-agent.js';
import { buildScriptedAgent } from '../support/scripted-agent.js';

const patienceMs = 30_000;

/** The agent on a scripted kernel audit, over its lives. */
class AuditedLives {
  readonly fixture = new Fixture();

  async prepare(): Promise<void> {
    const { fixture } = this;
    await fixture.startHub();
    fixture.configure({ processSource: 'audit', audit: { own: 'auto' } });
    fixture.hub.patchDesired(
      deviceId,
      desired({ ...quick, snapshotFrequency: 'PT1S', aggregationEnabledProcessCreate: false }),
    );
  }

  /** @param serial that the kernel has reached meanwhile */
  async begin(serial: number): Promise<void> {
    this.fixture.environment = { AUDIT_SERIAL: String(serial) };
    await this.fixture.startAgent(
      await buildScriptedAgent('unread-time', {
        'collectors/kernel/audit/open': 'test/support/scripted-audit',
      }),
    );
    const before = this.programs();
    await this.until('programs arrive', () => this.programs() > before);
  }

  /** The place that the next run will find. */
  place(): AuditPlace | undefined {
    try {
      const file = join(this.fixture.directory, 'state', 'counters.json');
      return parseAuditPlace((JSON.parse(readFileSync(file, 'utf8')) as { audit?: unknown }).audit);
    } catch {
      return undefined;
    }
  }

  /** What the reported properties tell of the collector. */
  reported(): Readonly<Record<string, number>> {
    const { reported } = this.fixture.hub.readTwin(deviceId);
    const { agentStatus } = reported as {
      agentStatus?: { collectors?: { ProcessCreate?: { losses?: Record<string, number> } } };
    };
    return agentStatus?.collectors?.ProcessCreate?.losses ?? {};
  }

  /** What the operational events of all lives add up to. */
  told(): number {
    return payloadsOf(this.fixture.hub.messages, 'DroppedEventsStatistics')
      .map(({ ExtraDetails }) => Number(ExtraDetails?.['ProcessCreate.unreadSeconds'] ?? 0))
      .reduce((sum, seconds) => sum + seconds, 0);
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    await expect.poll(condition, { timeout: patienceMs, message: what }).toBe(true);
  }

  private programs(): number {
    return payloadsOf(this.fixture.hub.messages, 'ProcessCreate').length;
  }
}

describe('the time in which no reader of kernel audit lived', () => {
  const lives = new AuditedLives();
  afterEach(() => lives.fixture.close());

  it('after a kill is counted by the next run, once, and its number reaches the hub by twin and by event', async () => {
    await lives.prepare();
    await lives.begin(1_000);
    await lives.until('the hub knows the agent', () => 'ProcessCreate' in agentCollectors(lives));
    expect(lives.reported()).not.toHaveProperty('unreadSeconds');
    // The place is stored at most a minute late; the device sleeps that minute.
    lives.fixture.suspend(61_000);
    await lives.until('the place is stored', () => lives.place() !== undefined);
    await lives.fixture.killAgent();
    const noted = lives.place();
    expect(noted?.serial).toBeGreaterThan(1_000);

    const sleptMs = 61_000;
    const leastSeconds = (Date.now() + sleptMs - (noted?.timeMs ?? 0)) / 1000;
    await lives.begin(1_000_000);
    await lives.until('the twin tells', () => 'unreadSeconds' in lives.reported());
    const seconds = lives.reported()['unreadSeconds'] ?? 0;
    const mostSeconds = (Date.now() + sleptMs - (noted?.timeMs ?? 0)) / 1000 + 1;
    expect(seconds).toBeGreaterThanOrEqual(leastSeconds);
    expect(seconds).toBeLessThanOrEqual(mostSeconds);
    await lives.until('the event tells', () => lives.told() > 0);
    expect(await lives.fixture.stopAgent()).toEqual({ code: 0, signal: null });
    expect(lives.told()).toBe(seconds);
    expect(lives.reported()['unreadSeconds']).toBe(seconds);
  });
});

function agentCollectors({ fixture }: AuditedLives): object {
  const { reported } = fixture.hub.readTwin(deviceId);
  return (reported as { agentStatus?: { collectors?: object } }).agentStatus?.collectors ?? {};
}
