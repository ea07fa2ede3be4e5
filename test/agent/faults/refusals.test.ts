import { chmodSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pause, withBench, type FaultBench } from '../../support/fault-bench.js';
import { deviceId } from '../../support/running-agent.js';

const limitMs = 240_000;

/** A refused credential is not tried again before a minute is over; after the sleep of the device it is due. */
async function waitsLong(bench: FaultBench): Promise<void> {
  await bench.until('it is refused', () => bench.attempts('refused') > 0);
  await pause(4_000);
  expect(bench.attempts('refused')).toBe(1);
}

describe.concurrent('the running agent, when the hub refuses', () => {
  it.each([
    [1, /does not accept the client device-1\/azureiotsecurity/],
    [2, /does not accept the client device-1\/azureiotsecurity/],
    [3, /the hub is busy or being serviced/],
  ] as const)(
    'its connection with code %d: tries again and again, says so once, and loses nothing',
    (code, sentence) =>
      withBench(async (bench) => {
        await bench.start();
        bench.hub.faults.refuseConnectWith = code;
        bench.hub.dropConnections();
        await bench.happen();
        await bench.until('it was refused', () => bench.attempts('refused') > 1);
        bench.hub.faults.refuseConnectWith = undefined;
        await bench.happen();
        await bench.everythingArrives();
        await bench.followsTwin();
        expect(bench.warnings(sentence)).toHaveLength(1);
      })(),
    limitMs,
  );

  it.each([4, 5] as const)(
    'its credentials with code %d: does not hammer it, says so once, and loses nothing',
    (code) =>
      withBench(async (bench) => {
        await bench.start();
        bench.hub.faults.refuseConnectWith = code;
        bench.hub.dropConnections();
        await bench.happen();
        await waitsLong(bench);
        bench.hub.faults.refuseConnectWith = undefined;
        bench.fixture.suspend(120_000);
        await bench.happen();
        await bench.everythingArrives();
        await bench.followsTwin();
        expect(
          bench.warnings(/refused the credentials of device-1\/azureiotsecurity/),
        ).toHaveLength(1);
      })(),
    limitMs,
  );

  it(
    'its device, which was disabled: waits until it is enabled again',
    withBench(async (bench) => {
      await bench.start();
      bench.hub.setDisabled(deviceId, true);
      await bench.happen();
      await waitsLong(bench);
      bench.hub.setDisabled(deviceId, false);
      bench.fixture.suspend(120_000);
      await bench.happen();
      await bench.everythingArrives();
      expect(bench.warnings(/its device is enabled/)).toHaveLength(1);
    }),
    limitMs,
  );

  it(
    'its key, which was rolled: takes the new one from the key file without a restart',
    withBench(async (bench) => {
      await bench.start();
      const { primaryKey } = bench.hub.rollKeys(deviceId);
      await bench.happen();
      await waitsLong(bench);
      writeFileSync(bench.fixture.keyFile, `${primaryKey}\n`);
      chmodSync(bench.fixture.keyFile, 0o600);
      bench.fixture.suspend(120_000);
      await bench.happen();
      await bench.everythingArrives();
      expect(bench.warnings(/check the key file/)).toHaveLength(1);
      expect(bench.fixture.log.join('\n')).not.toContain(primaryKey);
    }),
    limitMs,
  );

  it(
    'its token, which expired while it was connected: signs anew, again and again',
    withBench(async (bench) => {
      await bench.start();
      bench.hub.faults.tokenLifeMs = 5_000;
      bench.hub.dropConnections();
      await bench.happen();
      const expired = (): number =>
        bench.connections.filter(({ reason }) => reason === 'the token expired').length;
      await bench.until('two tokens expired', () => expired() >= 2);
      bench.hub.faults.tokenLifeMs = undefined;
      await bench.happen();
      await bench.everythingArrives();
      expect(bench.attempts('refused')).toBe(0);
    }),
    limitMs,
  );
});
