import { beforeEach, describe, expect, it } from 'vitest';
import { LossLedger } from '../../../agent/accounting/losses.js';
import { securityEvent, type SecurityEvent } from '../../../agent/pipeline/event.js';
import { Outbox } from '../../../agent/pipeline/outbox.js';
import type { StoredEvent } from '../../../agent/spool/spool.js';
import { UnsetClock } from '../../../agent/time/unset-clock.js';
import type { Payload } from '../../../contract/events.js';
import { FakeClock } from '../../support/fake-clock.js';

const uptimeAtStartMs = 70_000;
const setTo = Date.UTC(2026, 10, 26, 12);

let wallMs: number;
let uptimeMs: number;
let clock: UnsetClock;

const create = (bootId = '5f8d9e0c-3c1b-4a6e-9f27-0d2b6c1a7e43'): UnsetClock =>
  new UnsetClock({
    wallMs: () => wallMs,
    uptimeMs: () => uptimeMs,
    bootTimeMs: () => Math.floor((wallMs - uptimeMs) / 1000) * 1000,
    bootId,
  });

beforeEach(() => {
  wallMs = 5_000;
  uptimeMs = uptimeAtStartMs;
  clock = create();
});

const program: Payload<'ProcessCreate'> = {
  Executable: '/bin/true',
  ProcessId: 2,
  ParentProcessId: 1,
  UserId: '0',
  CommandLine: 'echo 1970-01-01T00:00:05.000Z',
};

function stored(details: Record<string, string> = {}, payloads = 1): StoredEvent {
  const mark = clock.mark(wallMs);
  const payload = { ...program, ExtraDetails: { ...details, ...mark } };
  const event = securityEvent({
    name: 'ProcessCreate',
    payloads: Array.from({ length: payloads }, () => payload),
    timeMs: wallMs,
    id: 'the-id',
  });
  const json = JSON.stringify(event);
  return { queue: 'low', sequence: 1, json, sizeBytes: json.length, storedWallMs: wallMs };
}

/** A snapshot that found nothing, as it is journaled now. */
async function storedEmpty(): Promise<StoredEvent> {
  const journaled: string[] = [];
  const outbox = new Outbox({
    spool: {
      append: (_queue, json) => Promise.resolve(journaled.push(json) > 0 ? 'stored' : 'dropped'),
    },
    clock: new FakeClock(wallMs),
    losses: new LossLedger(),
    maxEventBytes: () => 8_192,
    maxSnapshotBytes: () => 8_192,
    aggregatedCategory: 'Triggered',
    markTime: (timeMs) => clock.mark(timeMs),
  });
  void outbox.addSnapshot('high', 'ListeningPorts', [], wallMs);
  await outbox.flush();
  const [json = ''] = journaled;
  return { queue: 'high', sequence: 1, json, sizeBytes: json.length, storedWallMs: wallMs };
}

const passes = (ms: number): void => {
  wallMs += ms;
  uptimeMs += ms;
};

const sent = (event: StoredEvent): SecurityEvent =>
  JSON.parse(clock.corrected(event).json) as SecurityEvent;

describe('an event from before the clock was set', () => {
  it('gets its true time once the clock is set, says so, and keeps its id', () => {
    const event = stored({ LastSeenUtc: '1970-01-01T00:00:04.000Z', HitCount: '3' });
    passes(60_000);
    wallMs = setTo;
    passes(10_000);
    const { Id, TimestampUTC, TimestampLocal, Payload } = sent(event);
    expect(Id).toBe('the-id');
    expect(TimestampUTC).toBe('2026-11-26T11:59:00.000Z');
    expect(Date.parse(TimestampLocal)).toBe(Date.parse(TimestampUTC));
    expect(Payload).toEqual([
      {
        ...program,
        ExtraDetails: {
          HitCount: '3',
          LastSeenUtc: '2026-11-26T11:58:59.000Z',
          TimeCorrectedFrom: '1970-01-01T00:00:05.000Z',
        },
      },
    ]);
    expect(clock.corrected(event).storedWallMs).toBe(setTo - 60_000);
  });

  it('is the same each time it is sent, and no larger than it was stored', () => {
    const event = stored({}, 3);
    wallMs = setTo;
    const first = clock.corrected(event);
    passes(3_600_000);
    wallMs += 1_234;
    expect(clock.corrected(event)).toEqual(first);
    expect(first.sizeBytes).toBeLessThanOrEqual(event.sizeBytes);
  });

  it('is the same when the next run sends it again, which reads the two clocks at slightly other moments', () => {
    const event = stored();
    wallMs = setTo;
    const first = clock.corrected(event);
    wallMs += 7;
    clock = create();
    expect(clock.corrected(event)).toEqual(first);
  });

  it('is corrected by the next run of the same boot, and says that it is not to be trusted after another', () => {
    const event = stored();
    wallMs = setTo;
    clock = create();
    expect(sent(event).TimestampUTC).toBe('2026-11-26T12:00:00.000Z');
    clock = create('boot-2');
    expect(sent(event).TimestampUTC).toBe('1970-01-01T00:00:05.000Z');
    expect(sent(event).Payload[0]?.ExtraDetails?.['ClockNotSet']).toMatch(/^true\b/);
  });

  it('that found nothing is corrected by this run and the next of the same boot, and is sent without a mark', async () => {
    const event = await storedEmpty();
    wallMs = setTo;
    for (const run of [clock, create()]) {
      clock = run;
      expect(sent(event).TimestampUTC).toBe('2026-11-26T12:00:00.000Z');
      expect(clock.corrected(event).storedWallMs).toBe(setTo);
    }
    const bare = Object.keys(securityEvent({ name: 'ListeningPorts', payloads: [], timeMs: 0 }));
    expect(Object.keys(sent(event))).toEqual(bare);
    clock = create('boot-2');
    expect(sent(event).TimestampUTC).toBe('1970-01-01T00:00:05.000Z');
    expect(Object.keys(sent(event))).toEqual(bare);
    expect(clock.corrected(event).sizeBytes).toBe(clock.corrected(event).json.length);
  });

  it('stays as it is while the clock is not set', () => {
    const event = stored();
    expect(clock.corrected(event)).toBe(event);
  });
});

it('an event from after the clock was set is not touched', () => {
  wallMs = setTo;
  expect(clock.mark(wallMs)).toBeUndefined();
  const event = stored();
  expect(clock.corrected(event)).toBe(event);
});
