import { describe, expect, it } from 'vitest';
import { withBench } from '../../support/fault-bench.js';
import { desired, deviceId, startMarked } from '../../support/running-agent.js';

const limitMs = 240_000;

describe.concurrent('the running agent, when its messages', () => {
  it(
    'are not acknowledged: sends them again, with the same ids, until they are',
    withBench(async (bench) => {
      await bench.start();
      bench.hub.faults.withholdAcknowledgements = true;
      await bench.happen();
      await bench.asleepUntil('one came twice', () =>
        [...bench.deliveries().values()].some((n) => n > 1),
      );
      await bench.happen();
      bench.hub.faults.withholdAcknowledgements = false;
      expect(bench.warnings(/did not acknowledge a security message within 30 s/)).toHaveLength(1);
      await bench.happen();
      await bench.everythingArrives(bench.asleepUntil);
    }),
    limitMs,
  );

  it(
    'are acknowledged late: waits, and sends none twice',
    withBench(async (bench) => {
      await bench.start();
      bench.hub.faults.acknowledgementDelayMs = 2_000;
      await bench.happen();
      await bench.happen();
      await bench.everythingArrives();
      bench.hub.faults.acknowledgementDelayMs = 0;
      await bench.happen();
      await bench.everythingArrives();
      expect([...bench.deliveries().values()].every((times) => times === 1)).toBe(true);
      expect(bench.warnings()).toEqual([]);
    }),
    limitMs,
  );

  it(
    'are too many for the hub: slows down, and loses and reorders none',
    withBench(async (bench) => {
      await bench.start();
      bench.hub.faults.telemetryThrottle = { perSecond: 0.3, backlog: 0 };
      await bench.happen();
      await bench.happen();
      await bench.until('it was too much', () =>
        bench.connections.some(({ reason }) => reason.includes('sends too much')),
      );
      await bench.happen();
      bench.hub.faults.telemetryThrottle = undefined;
      await bench.happen();
      await bench.everythingArrives();
    }),
    limitMs,
  );

  it(
    'may be of the largest size: makes none that the hub would end the connection for',
    withBench(async (bench) => {
      await bench.start();
      bench.hub.patchDesired(
        deviceId,
        desired({ maxMessageSizeInBytes: 262_144, lowPriorityMessageFrequency: 'PT6S' }),
      );
      await bench.takesSettings('lowPriorityMessageFrequency', 'PT6S');
      // Letters that are two bytes each; every command line is another.
      await Promise.all(
        Array.from({ length: 60 }, (_, n) => startMarked(`${n}${'ü'.repeat(3_900)}`, 2)),
      );
      await bench.happen();
      await bench.everythingArrives();
      const sizes = bench.messages().map(({ sizeBytes }) => sizeBytes);
      expect(Math.max(...sizes)).toBeGreaterThan(200_000);
      expect(bench.attempts('disconnected')).toBe(0);
    }),
    limitMs,
  );
});

describe.concurrent('the running agent, when a back end', () => {
  it(
    'calls a method, of which it has none: the caller learns that, and nothing changes',
    withBench(async (bench) => {
      await bench.start();
      const { status, body } = await bench.hub.callMethod(deviceId, 'reboot', { now: true });
      expect(status).toBe(404);
      expect(body).toContain('404103');
      await bench.happen();
      await bench.everythingArrives();
      expect(bench.attempts('disconnected')).toBe(0);
    }),
    limitMs,
  );
});
