import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { LossLedger } from '../../../agent/accounting/losses.js';
import type { SealedAggregate } from '../../../agent/pipeline/aggregation/aggregate.js';
import type { SecurityEvent } from '../../../agent/pipeline/event.js';
import { Outbox } from '../../../agent/pipeline/outbox.js';
import type { QueueName } from '../../../agent/spool/spool.js';
import type { Payload } from '../../../contract/events.js';
import { SchemaCheck } from '../../../local-hub/hub/schema-check.js';
import { FakeClock } from '../../support/fake-clock.js';
import { anyCharacter } from '../../support/texts.js';

const schema = new SchemaCheck();

/** Whether an event is valid in a message of its own under the public schema. */
function problemsOf(event: unknown): readonly string[] {
  return schema.problems({
    AgentVersion: '0.1.0',
    AgentId: '5f8d9e0c-3c1b-4a6e-9f27-0d2b6c1a7e43',
    MessageSchemaVersion: '1.0',
    Events: [event],
  });
}

let clock: FakeClock;
let losses: LossLedger;
let written: { queue: QueueName; event: SecurityEvent; sizeBytes: number }[];
let maxEventBytes: number;
let maxSnapshotBytes: number;
let releases: (() => void)[] = [];
let outbox: Outbox;
let hurried: string[];

const create = (hold = false): Outbox =>
  new Outbox({
    spool: {
      append: (queue, json) => {
        const event = JSON.parse(json) as SecurityEvent;
        written.push({ queue, event, sizeBytes: Buffer.byteLength(json) });
        if (!hold) return Promise.resolve('stored');
        return new Promise((resolve) => {
          releases.push(() => resolve('stored'));
        });
      },
    },
    clock,
    losses,
    maxEventBytes: () => maxEventBytes,
    maxSnapshotBytes: () => maxSnapshotBytes,
    aggregatedCategory: 'Triggered',
    markTime: () => undefined,
    onAlert: (severity) => void hurried.push(`${severity} after ${written.length}`),
  });

beforeEach(() => {
  clock = new FakeClock();
  losses = new LossLedger();
  written = [];
  releases = [];
  hurried = [];
  maxEventBytes = 200_000;
  maxSnapshotBytes = 250_000;
  outbox = create();
});

const started = (CommandLine: string): Payload<'ProcessCreate'> => ({
  Executable: '/bin/true',
  ProcessId: 2,
  ParentProcessId: 1,
  UserId: '0',
  CommandLine,
});
const port = (LocalPort: string): Payload<'ListeningPorts'> => ({ Protocol: 'tcp', LocalPort });
const sealed = (id: string, CommandLine: string): SealedAggregate => ({
  id,
  name: 'ProcessCreate',
  payload: { ...started(CommandLine), ExtraDetails: { HitCount: '2' } },
  endMs: clock.wallMs(),
});

it('says that an alert waits once the spool has it, the gravest of those that share an event', async () => {
  const alert = (AlertSeverity: string): Payload<'ProcessTerminate'> => ({
    Executable: '"AlertType":',
    ProcessId: 1,
    ExitStatus: 0,
    ...(AlertSeverity !== '' && { ExtraDetails: { AlertType: 'IoT_X', AlertSeverity } }),
  });
  outbox.add('high', 'ProcessTerminate', alert(''), 1);
  await outbox.flush();
  expect(hurried).toEqual([]);
  for (const severity of ['Low', 'High', 'Medium'])
    outbox.add('high', 'ProcessTerminate', alert(severity), 1);
  await outbox.flush();
  expect(hurried).toEqual(['High after 2']);
});

describe('the outbox', () => {
  it('journals High in the same turn, and Low within half a second', async () => {
    outbox.add('high', 'ProcessCreate', started('now'), clock.wallMs());
    outbox.add('low', 'ProcessCreate', started('soon'), clock.wallMs());
    await new Promise((resolve) => setImmediate(resolve));
    expect(written.map(({ queue }) => queue)).toEqual(['high']);
    await clock.advance(500);
    expect(written.map(({ queue }) => queue)).toEqual(['high', 'low']);
  });

  it('lets payloads of one name share an event, each with its own time', async () => {
    outbox.add('low', 'ProcessCreate', started('one'), clock.wallMs());
    await clock.advance(100);
    outbox.add('low', 'ProcessCreate', started('two'), clock.wallMs());
    await outbox.flush();
    expect(written).toHaveLength(1);
    const [{ event } = { event: undefined }] = written;
    expect(problemsOf(event)).toEqual([]);
    expect(event?.Payload.map(({ ExtraDetails }) => ExtraDetails?.['TimestampUTC'])).toEqual([
      '2026-01-02T03:04:05.000Z',
      '2026-01-02T03:04:05.100Z',
    ]);
  });

  it('sends an empty snapshot, because it says that there is nothing', async () => {
    await outbox.addSnapshot('high', 'ListeningPorts', [], clock.wallMs());
    expect(written[0]?.event).toMatchObject({ IsEmpty: true, Payload: [], Category: 'Periodic' });
    expect(problemsOf(written[0]?.event)).toEqual([]);
  });

  it('keeps a snapshot whole in one event, also where it is larger than other events may be', async () => {
    maxEventBytes = 2_000;
    const ports = Array.from({ length: 4_000 }, (_, n) => port(String(n)));
    await outbox.addSnapshot('high', 'ListeningPorts', ports, clock.wallMs());
    expect(written).toHaveLength(1);
    expect(written[0]?.event.Payload).toEqual(ports);
    expect(written[0]?.sizeBytes).toBeGreaterThan(maxEventBytes);
    expect(written[0]?.sizeBytes).toBeLessThanOrEqual(maxSnapshotBytes);
  });

  it('splits a snapshot that no message could carry, and numbers the parts', async () => {
    maxSnapshotBytes = 2_000;
    const ports = Array.from({ length: 100 }, (_, n) => port(String(n)));
    await outbox.addSnapshot('high', 'ListeningPorts', ports, clock.wallMs());
    expect(written.length).toBeGreaterThan(1);
    const seen = written.flatMap(({ event }) => event.Payload as Payload<'ListeningPorts'>[]);
    expect(seen.map(({ LocalPort }) => LocalPort)).toEqual(ports.map(({ LocalPort }) => LocalPort));
    for (const [index, { event, sizeBytes }] of written.entries()) {
      expect(sizeBytes).toBeLessThanOrEqual(maxSnapshotBytes);
      for (const { ExtraDetails } of event.Payload)
        expect(ExtraDetails).toEqual({
          Part: String(index + 1),
          Parts: String(written.length),
        });
    }
    expect(new Set(written.map(({ event }) => event.TimestampUTC)).size).toBe(1);
    expect(new Set(written.map(({ event }) => event.Id)).size).toBe(written.length);
    expect(outbox.collectedEvents.high).toBe(written.length);
  });

  it('knows what an event takes around its payloads, and splits nothing that fits', async () => {
    const ports = Array.from({ length: 100 }, (_, n) => port(String(n)));
    await outbox.addSnapshot('high', 'ListeningPorts', ports, clock.wallMs());
    const wholeBytes = written[0]?.sizeBytes ?? 0;
    // A comma, and the longest category.
    maxSnapshotBytes = wholeBytes + 3;
    written = [];
    await outbox.addSnapshot('high', 'ListeningPorts', ports, clock.wallMs());
    expect(written.map(({ sizeBytes }) => sizeBytes)).toEqual([wholeBytes]);
    maxSnapshotBytes = wholeBytes - 1;
    await outbox.addSnapshot('high', 'ListeningPorts', ports, clock.wallMs());
    expect(written.length).toBeGreaterThan(2);
  });

  it('gives a snapshot to the disk at its pace, however large it is, and loses nothing of it', async () => {
    outbox = create(true);
    const ports = Array.from({ length: 300 }, (_, n) => ({
      ...port(String(n)),
      ExtraDetails: { Executable: 'x'.repeat(20_000) },
    }));
    const given = outbox.addSnapshot('low', 'ListeningPorts', ports, clock.wallMs());
    const isGiven = { value: false };
    void given.then(() => (isGiven.value = true));
    while (!isGiven.value) {
      for (const resolve of releases.splice(0)) resolve();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(written.flatMap(({ event }) => event.Payload)).toHaveLength(300);
    expect(losses.of('low')).toEqual({});
  });

  it('never makes an event larger than a message can carry, whatever the texts hold', () => {
    maxEventBytes = 6_656;
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: anyCharacter, maxLength: 9000 }), {
          minLength: 1,
          maxLength: 5,
        }),
        (lines) => {
          written = [];
          for (const line of lines)
            outbox.add('low', 'ProcessCreate', started(line), clock.wallMs());
          void outbox.flush();
          expect(written.flatMap(({ event }) => event.Payload)).toHaveLength(lines.length);
          for (const { sizeBytes, event } of written) {
            expect(sizeBytes).toBeLessThanOrEqual(maxEventBytes);
            expect(problemsOf(event)).toEqual([]);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('gives the same aggregates the same event id again, and others another', async () => {
    const [a, b, c] = ['a', 'b', 'c'].map((letter) => letter.repeat(8));
    await outbox.addSealed('low', 'ProcessCreate', [sealed(`${a}`, 'one'), sealed(`${b}`, 'two')]);
    await outbox.addSealed('low', 'ProcessCreate', [sealed(`${a}`, 'one'), sealed(`${b}`, 'two')]);
    await outbox.addSealed('low', 'ProcessCreate', [sealed(`${a}`, 'one'), sealed(`${c}`, 'two')]);
    const ids = written.map(({ event }) => event.Id);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
    expect(ids.every((id) => /^[0-9a-f-]{36}$/.test(id))).toBe(true);
  });

  it('bounds what waits for a slow disk: drops and counts, and nobody waits', () => {
    outbox = create(true);
    for (let n = 0; n < 3_000; n++) {
      outbox.add('high', 'ProcessCreate', started('x'.repeat(4_000)), clock.wallMs());
    }
    expect(losses.of('high').pipelineOverflow).toBeGreaterThan(1_000);
    expect(releases).toEqual([]);
  });

  it('a flood of Low events on a slow disk costs no High event', () => {
    outbox = create(true);
    for (let n = 0; n < 3_000; n++)
      outbox.add('low', 'ProcessCreate', started('x'.repeat(4_000)), clock.wallMs());
    expect(losses.of('low').pipelineOverflow).toBeGreaterThan(1_000);
    for (let n = 0; n < 100; n++)
      outbox.add('high', 'ProcessCreate', started('x'.repeat(4_000)), clock.wallMs());
    expect(losses.of('high')).toEqual({});
  });
});
