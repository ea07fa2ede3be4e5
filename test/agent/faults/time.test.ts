import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ensureCertificates } from '../../../local-hub/hub/server-certificate.js';
import { pause, withBench, type FaultBench } from '../../support/fault-bench.js';
import { desired, deviceId, eventsOf, payloadsOf, quick } from '../../support/running-agent.js';

const limitMs = 240_000;
const hourMs = 3_600_000;

const sendingEach = (interval: string) =>
  desired({ highPriorityMessageFrequency: interval, lowPriorityMessageFrequency: interval });

/** Something waits to be sent, and is not due for long. */
async function startWithLongInterval(bench: FaultBench): Promise<void> {
  await bench.start();
  bench.hub.patchDesired(deviceId, sendingEach('PT1H'));
  await bench.takesSettings('lowPriorityMessageFrequency', 'PT1H');
  await bench.happen();
  await pause(2_000);
}

/** Makes the hub a new authority and certificate, valid from a day before `nowMs`. */
async function newCertificates(directory: string, nowMs: number): Promise<void> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const name of ['ca', 'server']) rmSync(join(directory, `${name}.pem`), { force: true });
  await ensureCertificates(directory, nowMs);
}

describe.concurrent('the running agent, when the clock of its device', () => {
  it.each([
    ['forward a day', 24 * hourMs, /set forward by 1 d/],
    ['back an hour', -hourMs, /set back by 1 h/],
  ] as const)(
    'is set %s: sends nothing early, says so, and goes on',
    (_name, byMs, sentence) =>
      withBench(async (bench) => {
        await startWithLongInterval(bench);
        const before = bench.deliveries().size;
        bench.fixture.setClock(byMs);
        await bench.until('it noticed', () => bench.warnings(sentence).length > 0);
        await pause(2_000);
        expect(bench.deliveries().size).toBe(before);
        bench.hub.patchDesired(deviceId, sendingEach('PT1S'));
        await bench.happen();
        await bench.everythingArrives();
        expect(bench.warnings(sentence)).toHaveLength(1);
        const told = payloadsOf(bench.messages(), 'Diagnostic').map(({ Message }) => Message);
        expect(told).toEqual([expect.stringMatching(sentence)]);
      })(),
    limitMs,
  );

  it(
    'stands still because the device sleeps: what fell due meanwhile is sent after it',
    withBench(async (bench) => {
      await startWithLongInterval(bench);
      const before = bench.deliveries().size;
      bench.fixture.suspend(2 * hourMs);
      await bench.everythingArrives();
      expect(before).toBe(0);
      expect(bench.warnings(/clock/)).toEqual([]);
    }),
    limitMs,
  );

  it(
    'is so far behind that its tokens have expired: learns the time of the hub, signs with that, and says precisely what is wrong',
    withBench(async (bench) => {
      bench.fixture.setClock(-30 * hourMs);
      await bench.start();
      await bench.happen();
      await bench.everythingArrives();
      expect(bench.warnings(/which is (1 d 6 h|1 d 5 h) behind the hub's/)).toHaveLength(1);
      expect(bench.attempts('refused')).toBe(1);
      const told = payloadsOf(bench.messages(), 'Diagnostic').map(({ Message }) => Message);
      expect(told).toEqual([expect.stringContaining("behind the hub's")]);
      bench.fixture.setClock(0);
      await bench.until('it noticed', () => bench.warnings(/set forward/).length > 0);
      bench.hub.dropConnections();
      await bench.followsTwin();
      expect(bench.attempts('refused')).toBe(1);
    }),
    limitMs,
  );

  it(
    'says 1970 until a time service tells better: waits, collects, says what is wrong, and sends true times',
    withBench(async (bench) => {
      // A certificate that begins in future is to the right clock what one of today is to a clock of 1970.
      const yearMs = 365 * 24 * hourMs;
      const authority = join(bench.fixture.directory, 'hub');
      await newCertificates(authority, Date.now() + yearMs);
      bench.fixture.setClock(70_000 - Date.now());
      await bench.startHub();
      bench.configure();
      bench.hub.patchDesired(deviceId, desired(quick));
      await bench.startAgent();
      await bench.until('it said so', () => bench.warnings(/not yet valid/).length > 0);
      const happenedMs = Date.now();
      await bench.happen();
      await pause(2_000);
      expect(bench.warnings(/the clock of the device, which says 1970-01-01T/)).toHaveLength(1);
      await bench.stopHub();
      await newCertificates(authority, Date.now());
      await bench.startHub();
      bench.configure();
      bench.fixture.setClock(0);
      await bench.takesSettings('snapshotFrequency', quick.snapshotFrequency);
      await bench.happen();
      await bench.everythingArrives();
      for (const { TimestampUTC } of eventsOf(bench.messages())) {
        expect(Math.abs(Date.parse(TimestampUTC) - happenedMs)).toBeLessThan(120_000);
      }
      const corrected = payloadsOf(bench.messages(), 'ListeningPorts').map(
        ({ ExtraDetails }) => ExtraDetails?.['TimeCorrectedFrom'],
      );
      expect(corrected).toContainEqual(expect.stringMatching(/^1970-/));
    }),
    limitMs,
  );
});
