import { describe, expect, it } from 'vitest';
import { pause, withBench } from '../../support/fault-bench.js';
import { desired, deviceId } from '../../support/running-agent.js';

const limitMs = 240_000;

describe.concurrent('the running agent, when its connection', () => {
  it.each(['fin', 'rst'] as const)(
    'is cut (%s): loses nothing, reads the twin again, and says so once',
    async (how) =>
      withBench(async (bench) => {
        await bench.start();
        await bench.happen();
        bench.hub.dropConnections(how);
        bench.hub.patchDesired(deviceId, desired({ snapshotFrequency: 'PT3H' }));
        await bench.happen();
        await bench.takesSettings('snapshotFrequency', 'PT3H');
        await bench.happen();
        await bench.everythingArrives();
        expect(bench.warnings(/was lost|was reset/)).toHaveLength(1);
      })(),
    limitMs,
  );

  it(
    'is half-open: notices it by what it waits for, and sends that again',
    withBench(async (bench) => {
      await bench.start({ keepAlive: 'PT10M' });
      await bench.happen();
      await bench.everythingArrives();
      bench.hub.freezeConnections();
      await bench.happen();
      await bench.everythingArrives(bench.asleepUntil);
      await bench.followsTwin();
      expect(bench.warnings(/The hub did not .* within 30 s/)).toHaveLength(1);
    }),
    limitMs,
  );

  it(
    'is half-open and nothing is to be sent: notices it by the keep-alive',
    withBench(async (bench) => {
      await bench.start({ keepAlive: 'PT5S' });
      bench.hub.patchDesired(
        deviceId,
        desired({ lowPriorityMessageFrequency: 'PT1H', highPriorityMessageFrequency: 'PT1H' }),
      );
      await bench.takesSettings('lowPriorityMessageFrequency', 'PT1H');
      const connections = bench.attempts('connected');
      bench.hub.freezeConnections();
      await bench.until('it connects anew', () => bench.attempts('connected') > connections);
      await bench.followsTwin();
    }),
    limitMs,
  );

  it(
    'is taken and never answered: keeps trying, says so once, and goes on by itself',
    withBench(async (bench) => {
      await bench.start();
      bench.hub.faults.silent = true;
      bench.hub.dropConnections('rst');
      await bench.happen();
      const silences = () =>
        bench.fixture.log.filter((line) =>
          line.includes('did not answer while connecting within 30 s'),
        );
      await bench.asleepUntil('it tried twice', () => silences().length > 1);
      expect(bench.warnings(/did not answer while connecting/)).toHaveLength(1);
      bench.hub.faults.silent = false;
      await bench.happen();
      await bench.everythingArrives(bench.asleepUntil);
    }),
    limitMs,
  );

  it(
    'and its session are lost over a restart of the hub: still hears of changes',
    withBench(async (bench) => {
      await bench.start();
      await bench.happen();
      await bench.everythingArrives();
      await bench.stopHub();
      await bench.happen();
      await bench.startHub({ forgetSessions: true });
      await bench.connected();
      await bench.followsTwin('PT4H');
      await bench.followsTwin('PT5H');
      await bench.happen();
      await bench.everythingArrives();
    }),
    limitMs,
  );

  it(
    'is taken away by a second client with its identity: gives way, says why, and comes back',
    withBench(async (bench) => {
      await bench.start();
      const rival = await bench.rival();
      await bench.until('it gave way', () => bench.warnings(/uses the same identity/).length > 0);
      await bench.happen();
      const connections = bench.attempts('connected');
      await pause(3_000);
      expect(bench.attempts('connected')).toBe(connections);
      rival.leave();
      bench.fixture.suspend(20 * 60_000);
      await bench.happen();
      await bench.everythingArrives();
      expect(bench.warnings(/uses the same identity/)).toHaveLength(1);
    }),
    limitMs,
  );
});
