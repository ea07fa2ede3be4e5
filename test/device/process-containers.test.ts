import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, expect, it } from 'vitest';
import { processCreate } from '../../collectors/process-create/index.js';
import { processTerminate } from '../../collectors/process-terminate.js';
import { until } from '../support/device/audit-support.js';
import { WatchedHost } from '../support/device/watched-host.js';

const run = promisify(execFile);
const undo: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** A hierarchy in which a group can hold processes at once: of version 2, or else that which only counts them. */
const hierarchy = existsSync('/sys/fs/cgroup/cgroup.procs')
  ? '/sys/fs/cgroup'
  : '/sys/fs/cgroup/pids';

/** Makes a group, which is removed when the test ends. */
function group(name: string): string {
  const made = name.split('/').map((_, index, all) => join(hierarchy, ...all.slice(0, index + 1)));
  for (const directory of made) {
    if (existsSync(directory)) continue;
    mkdirSync(directory);
    undo.push(() => rmdirSync(directory));
  }
  return join(hierarchy, name);
}

/** A shell that goes by the name of a runtime, and moves what it forked into the group before that executes. */
function shellNamed(name: string): (group: string, script: string) => Promise<unknown> {
  const directory = mkdtempSync(join(tmpdir(), 'runtime-'));
  undo.push(() => rmSync(directory, { recursive: true }));
  const program = join(directory, name);
  copyFileSync('/bin/bash', program);
  return (place, script) =>
    run(program, [
      '-c',
      `(echo $BASHPID > '${place}/cgroup.procs'; exec /bin/sh -c '${script}'); :`,
    ]);
}

it('programs and their ends are told in the container that their runtime moved them into', async () => {
  const id = 'c0ffee'.padEnd(64, '0');
  const docker = group(`docker/${id}`);
  const lxc = group('lxc.payload.device-test');
  const host = await WatchedHost.start({ processSource: 'proc-connector' });
  undo.push(() => host.stop());
  const created = await host.watch(processCreate);
  const ended = await host.watch(processTerminate);
  // Each of them is gone within a millisecond, after the first was looked at.
  const script = (mark: string) =>
    `sleep 0.3; for i in 1 2 3 4 5; do /bin/true ${mark}; done; /bin/sleep 0.2; :`;
  await shellNamed('runc')(docker, script('in-docker'));
  await shellNamed('lxc-start')(lxc, script('in-lxc'));
  await run('/bin/sh', ['-c', script('on-host')]);
  const sleeps = () => created.observed.filter(({ argv }) => argv?.[1] === '0.2');
  await until('three programs', 10_000, () => sleeps().length === 3);
  const inContainer = { ContainerId: id, ContainerRuntime: 'docker' };
  const inLxc = { ContainerId: 'device-test', ContainerRuntime: 'lxc' };
  const told = sleeps().map(({ payload: { ExtraDetails } }) => ({
    ContainerId: ExtraDetails?.ContainerId,
    ContainerRuntime: ExtraDetails?.ContainerRuntime,
    ContainerKnown: ExtraDetails?.ContainerKnown,
  }));
  const [known, unset] = [{ ContainerKnown: undefined }, undefined];
  expect(told).toEqual([
    { ...inContainer, ...known },
    { ...inLxc, ...known },
    { ContainerId: unset, ContainerRuntime: unset, ...known },
  ]);
  const count = (container: string) => ({
    started: created.observed.filter(
      ({ payload }) => payload.ExtraDetails?.ContainerId === container,
    ).length,
    ended: ended.observed.filter(({ payload }) => payload.ExtraDetails?.ContainerId === container)
      .length,
  });
  // The shell, two sleeps and five that were gone at once.
  await until('all ends', 10_000, () => count('device-test').ended >= 8);
  expect([count(id), count('device-test')]).toEqual(Array(2).fill({ started: 8, ended: 8 }));
});
