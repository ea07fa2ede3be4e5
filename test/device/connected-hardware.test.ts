import { execFileSync } from 'node:child_process';
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { SnapshotRunner } from '../../agent/runner/snapshot-runner.js';
import { systemClock } from '../../base/clock.js';
import { connectedHardware } from '../../collectors/connected-hardware/index.js';
import type { Payload } from '../../contract/events.js';
import { checkPayload } from '../../contract/payload-check.js';
import { until } from '../support/device/audit-support.js';
import { WatchedHost } from '../support/device/watched-host.js';
import { unspread } from '../support/moments.js';
import { recordingLog } from '../support/recording-log.js';

const undo: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const run = (program: string, ...args: readonly string[]): string =>
  execFileSync(program, args, { encoding: 'utf8' }).trim();

/** Snapshots once a day, and whenever the kernel tells of a change. */
async function watchSnapshots() {
  const host = await WatchedHost.start();
  undo.push(() => host.stop());
  const snapshots: (readonly Payload[])[] = [];
  const runner = new SnapshotRunner({
    collector: connectedHardware,
    host: host.host,
    clock: systemClock,
    log: recordingLog(),
    moments: unspread,
    lose: (cause) => expect.unreachable(cause),
    tell: () => undefined,
    pipeline: {
      snapshot: (name, payloads) => {
        for (const payload of payloads) expect(checkPayload(name, payload)).toBeUndefined();
        snapshots.push(payloads);
      },
    },
  });
  undo.push(() => runner.stop());
  await runner.start(86_400_000);
  expect(runner.state).not.toHaveProperty('limitation');
  const last = (name: string) =>
    snapshots.at(-1)?.find((payload) => 'HardwareName' in payload && payload.HardwareName === name);
  return { snapshots, last };
}

it('a network interface is in the next snapshot within seconds, and soon not any more', async () => {
  const { snapshots, last } = await watchSnapshots();
  const name = `isa${process.pid}`.slice(0, 15);
  undo.push(() => {
    try {
      run('ip', 'link', 'delete', name);
    } catch {
      // The test took it away itself.
    }
  });
  expect(last(name)).toBeUndefined();
  run('ip', 'link', 'add', name, 'type', 'bridge');
  await until('the interface', 15_000, () => last(name) !== undefined);
  expect(last(name)).toMatchObject({
    HardwareCategory: 'Network',
    HardwareSubCategory: 'Ethernet',
    ExtraDetails: { Virtual: 'true', Path: `/sys/devices/virtual/net/${name}` },
  });
  run('ip', 'link', 'delete', name);
  await until('its end', 15_000, () => last(name) === undefined);
  expect(snapshots.length).toBeLessThanOrEqual(4);
});

it('a loop device is a disk as soon as it has a file', async () => {
  const { last } = await watchSnapshots();
  const file = `/tmp/isa-loop-${process.pid}`;
  writeFileSync(file, '');
  truncateSync(file, 1024 * 1024);
  undo.push(() => rmSync(file));
  const device = run('losetup', '--find', '--show', file);
  const name = device.replace('/dev/', '');
  undo.push(() => {
    run('losetup', '--detach', device);
  });
  await until('the disk', 15_000, () => last(name) !== undefined);
  expect(last(name)).toMatchObject({
    HardwareCategory: 'Disk',
    HardwareSubCategory: 'Loop',
    ExtraDetails: { SizeBytes: '1048576' },
  });
});
