import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { withBench } from '../../support/fault-bench.js';
import { desired, deviceId } from '../../support/running-agent.js';

const limitMs = 240_000;

describe.concurrent('the running agent, when the twin', () => {
  it(
    'is not answered: goes on sending, says so once, and applies it when it is',
    withBench(async (bench) => {
      await bench.start();
      bench.hub.faults.withholdTwinAnswers = true;
      bench.hub.dropConnections();
      const silences = () =>
        bench.fixture.log.filter((line) =>
          line.includes('did not answer a read of the module twin'),
        );
      await bench.happen();
      await bench.everythingArrives();
      await bench.asleepUntil('it asked twice', () => silences().length > 1);
      expect(bench.warnings(/did not answer a read of the module twin/)).toHaveLength(1);
      bench.hub.faults.withholdTwinAnswers = false;
      bench.hub.patchDesired(deviceId, desired({ snapshotFrequency: 'PT9H' }));
      await bench.happen();
      await bench.everythingArrives(bench.asleepUntil);
      await bench.asleepUntil('the twin was read', () =>
        bench.reports('snapshotFrequency', 'PT9H'),
      );
    }),
    limitMs,
  );

  it.each(
    [400, 429, 500].flatMap((status) => [
      [status, 'with', true] as const,
      [status, 'without', false] as const,
    ]),
  )(
    'is refused with %d %s a body: keeps sending on the settings it has, says so once, and catches up',
    (status, _, withBody) =>
      withBench(async (bench) => {
        await bench.start();
        bench.hub.faults.refuseTwinReads = { status, withBody };
        bench.hub.dropConnections();
        await bench.happen();
        await bench.everythingArrives();
        await bench.until('it said so', () => bench.warnings(/read the module twin/).length > 0);
        expect(bench.hub.isConnected(deviceId)).toBe(true);
        bench.hub.faults.refuseTwinReads = undefined;
        await bench.followsTwin('PT2H');

        bench.hub.faults.refuseTwinReports = { status, withBody };
        bench.hub.patchDesired(deviceId, desired({ snapshotFrequency: 'PT3H' }));
        await bench.happen();
        await bench.everythingArrives();
        await bench.until('it said so', () => bench.warnings(/reported properties/).length > 0);
        bench.hub.faults.refuseTwinReports = undefined;
        await bench.takesSettings('snapshotFrequency', 'PT3H');
        expect(bench.warnings(/Could not read the module twin/)).toHaveLength(1);
        expect(bench.warnings(/Could not update the reported properties/)).toHaveLength(1);
        expect(bench.attempts('connected')).toBe(2);
      })(),
    limitMs,
  );

  it(
    'is replaced as a whole: what vanished falls back to its default',
    withBench(async (bench) => {
      await bench.start();
      await bench.followsTwin('PT2H');
      bench.hub.replaceDesired(
        deviceId,
        desired({ highPriorityMessageFrequency: 'PT2S', lowPriorityMessageFrequency: 'PT1S' }),
      );
      await bench.takesSettings('snapshotFrequency', 'PT13H');
      await bench.takesSettings('highPriorityMessageFrequency', 'PT2S');
    }),
    limitMs,
  );

  it(
    'begins again at version 1 because the module was made again: is applied all the same',
    withBench(async (bench) => {
      await bench.start();
      for (const hours of [2, 3, 4]) await bench.followsTwin(`PT${hours}H`);
      const { primaryKey } = await bench.hub.recreateModule(deviceId);
      writeFileSync(bench.fixture.keyFile, `${primaryKey}\n`, { mode: 0o600 });
      await bench.takesSettings('snapshotFrequency', 'PT13H');
      await bench.followsTwin('PT6H');
      bench.hub.patchDesired(
        deviceId,
        desired({ lowPriorityMessageFrequency: 'PT1S', aggregationIntervalProcessCreate: 'PT1S' }),
      );
      await bench.happen();
      await bench.everythingArrives();
    }),
    limitMs,
  );

  it(
    'loses its session while connected: is read again and followed',
    withBench(async (bench) => {
      await bench.start();
      await bench.hub.loseSession(deviceId);
      bench.hub.patchDesired(deviceId, desired({ snapshotFrequency: 'PT7H' }));
      await bench.takesSettings('snapshotFrequency', 'PT7H');
      await bench.followsTwin('PT8H');
      await bench.happen();
      await bench.everythingArrives();
    }),
    limitMs,
  );
});
