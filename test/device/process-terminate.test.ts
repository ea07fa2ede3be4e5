import { execFile, spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import type { Observation } from '../../collectors/interface/collector.js';
import { processCreate } from '../../collectors/process-create/index.js';
import { processTerminate } from '../../collectors/process-terminate.js';
import { until } from '../support/device/audit-support.js';
import { WatchedHost } from '../support/device/watched-host.js';

const run = promisify(execFile);
const undo: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function startHost(): Promise<WatchedHost> {
  const host = await WatchedHost.start({ processSource: 'audit' });
  undo.push(() => host.stop());
  return host;
}

const shell = realpathSync('/bin/sh');

/** Every fiftieth is killed, the others exit with their number modulo 200. */
const flatOut = `
i=0
while [ $i -lt 3000 ]; do
  if [ $((i % 50)) -eq 49 ]; then /bin/sh -c 'kill -9 $$' flat-out $i
  else /bin/sh -c "exit $((i % 200))" flat-out $i; fi
  i=$((i + 1))
done
:`;

describe('ProcessTerminate on the real kernel', () => {
  it('accounts for 3,000 processes flat out: created once, ended once, with the right status', async () => {
    const host = await startHost();
    const created = await host.watch(processCreate);
    const ended = await host.watch(processTerminate);
    await run('/bin/sh', ['-c', flatOut]);
    const pids = (): Map<number, number> =>
      new Map(
        created.observed
          .filter(({ argv }) => argv?.[3] === 'flat-out')
          .map(({ argv, payload }) => [payload.ProcessId, Number(argv?.[4])]),
      );
    const ours = () => {
      const expected = pids();
      return ended.observed.filter(({ payload }) => expected.has(payload.ProcessId));
    };
    await until('all creations', 15_000, () => pids().size >= 3000);
    await until('all terminations', 15_000, () => ours().length >= 3000);
    expect(
      created.observed.filter(({ argv }) => argv?.[3] === 'flat-out').map(({ argv }) => argv?.[4]),
    ).toEqual(Array.from({ length: 3000 }, (_, index) => String(index)));
    const parents = created.observed
      .filter(({ argv }) => argv?.[3] === 'flat-out')
      .map(({ payload, detailArgv }) => [
        payload.ExtraDetails?.['ParentExecutable'],
        detailArgv?.['ParentCommandLine']?.slice(0, 2).join(' '),
      ]);
    expect(new Set(parents.map(String))).toEqual(new Set([`${shell},/bin/sh -c`]));
    const expected = pids();
    const wrong = ours().filter(({ payload }) => {
      const index = expected.get(payload.ProcessId) ?? -1;
      const killed = index % 50 === 49;
      return !(
        payload.Executable === shell &&
        payload.ExitStatus === (killed ? 137 : index % 200) &&
        payload.ExtraDetails?.['Signal'] === (killed ? 'SIGKILL' : undefined)
      );
    });
    expect(wrong).toEqual([]);
    // Not in order: a parent is woken before the end is announced (do_exit in kernel/exit.c), so that on another processor
    // the next child may end first.
    const inOrder = (pids: Iterable<number>): number[] =>
      [...pids].sort((one, other) => one - other);
    expect(inOrder(ours().map(({ payload }) => payload.ProcessId))).toEqual(
      inOrder(expected.keys()),
    );
    created.losses.delete('hashSkipped');
    expect(Object.fromEntries([...created.losses, ...ended.losses])).toEqual({});
  });

  it('knows the program of a process that was there before', async () => {
    const child = spawn('/bin/sleep', ['60']);
    const { observed } = await (await startHost()).watch(processTerminate);
    child.kill('SIGTERM');
    await until('the end', 3000, () =>
      observed.some(({ payload }) => payload.ProcessId === child.pid),
    );
    expect(observed.filter(({ payload }) => payload.ProcessId === child.pid)).toMatchObject([
      {
        payload: {
          Executable: realpathSync('/bin/sleep'),
          ExitStatus: 143,
          ExtraDetails: { Signal: 'SIGTERM' },
        },
      },
    ]);
  });

  it('tells a fork that executed nothing as the program of its parent, and no thread', async () => {
    const { observed } = await (await startHost()).watch(processTerminate);
    await run(python, ['-c', forkAndThread]);
    await until('both ends', 3000, () => statusesOf(observed, python).length >= 2);
    expect(statusesOf(observed, python)).toEqual([7, 0]);
  });

  it('tells a process once whose first thread ends long before the others, or is not the one that executes', async () => {
    const { observed } = await (await startHost()).watch(processTerminate);
    const [first, second] = [lastThreadExits, threadExecutes].map((script) => {
      const running = run(python, ['-c', script]);
      return { pid: running.child.pid, ended: running.catch(() => undefined) };
    });
    await Promise.all([first?.ended, second?.ended]);
    const endsOf = (pid: number | undefined) =>
      observed
        .filter(({ payload }) => payload.ProcessId === pid)
        .map(({ payload }) => [payload.Executable, payload.ExitStatus]);
    await until('both ends', 10_000, () =>
      [first, second].every((process) => endsOf(process?.pid).length > 0),
    );
    // An end that is told twice is told again while its process is still being looked at.
    await sleep(500);
    expect(endsOf(first?.pid)).toEqual([[python, 5]]);
    expect(endsOf(second?.pid)).toEqual([[shell, 6]]);
  });
});

const python = realpathSync('/usr/bin/python3');
const statusesOf = (observed: readonly Observation<'ProcessTerminate'>[], executable: string) =>
  observed
    .filter(({ payload }) => payload.Executable === executable)
    .map(({ payload }) => payload.ExitStatus);

/** It lives long enough to be read, as nobody but ProcessTerminate watches. */
const forkAndThread = `
import os, threading, time
time.sleep(0.3)
if os.fork() == 0: os._exit(7)
thread = threading.Thread(target=lambda: 0)
thread.start(); thread.join(); os.wait()`;

const lastThreadExits = `
import ctypes, os, threading, time
threading.Thread(target=lambda: (time.sleep(0.5), os._exit(5))).start()
ctypes.CDLL(None).syscall(60 if os.uname().machine == 'x86_64' else 93, 0)`;

const threadExecutes = `
import os, threading, time
threading.Thread(target=lambda: os.execv('/bin/sh', ['sh', '-c', 'sleep 0.3; exit 6'])).start()
time.sleep(9)`;
