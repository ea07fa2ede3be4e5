import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isUnavailable } from '../../../../base/unavailable.js';
import type { ProcessEventSubscriber } from '../../../../collectors/kernel/processes/proc-connector.js';
import { ProcessTable } from '../../../../collectors/kernel/processes/process-table.js';
import type { EndedProcess } from '../../../../collectors/kernel/processes/processes.js';
import { FakeClock, settle } from '../../../support/fake-clock.js';
import { pathsUnder } from '../../../../collectors/kernel/paths.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'proc-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const bootedMs = 1_000_000;

/** A process of /proc that started so many milliseconds after boot. */
function present(
  pid: number,
  program: string,
  { startedMs = 0, parentPid = 1, flags = 0, threads = [] as readonly number[] } = {},
): void {
  const directory = join(root, String(pid));
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  const zeros = (count: number) => Array(count).fill('0').join(' ');
  const stat = `${pid} (x) S ${parentPid} ${zeros(4)} ${flags} ${zeros(12)} ${startedMs / 10} 0\n`;
  writeFileSync(join(directory, 'stat'), stat);
  writeFileSync(join(directory, 'status'), 'Uid:\t7\t7\t7\t7\n');
  writeFileSync(join(directory, 'cmdline'), `${program}\0-v\0`);
  symlinkSync(program, join(directory, 'exe'));
  for (const thread of [pid, ...threads]) {
    mkdirSync(join(directory, 'task', String(thread)), { recursive: true });
  }
}

function gone(pid: number): void {
  rmSync(join(root, String(pid)), { recursive: true });
}

/** A table over a kernel that is driven by hand; a second passes before anything happens. */
async function setUp() {
  const clock = new FakeClock(bootedMs);
  let subscriber: ProcessEventSubscriber | undefined;
  const subscription = { end: vi.fn() };
  const table = new ProcessTable({
    paths: { ...pathsUnder('/nonexistent'), procRoot: root },
    clock,
    uptimeMs: () => clock.monotonicMs(),
    events: {
      subscribe: (given) => {
        subscriber = given;
        return Promise.resolve(subscription);
      },
    },
  });
  await clock.advance(1000);
  const ends: EndedProcess[] = [];
  const follower = {
    onEnd: (end: EndedProcess) => ends.push(end),
    lose: vi.fn(),
    onFailed: vi.fn(),
  };
  const follow = async () => {
    const following = await table.follow(follower);
    if (isUnavailable(following)) throw new Error(following.unavailable);
    return following;
  };
  const now = () => clock.wallMs();
  const kernel = {
    fork: (pid: number, parentPid: number) =>
      subscriber?.onEvent({ kind: 'fork', pid, parentPid, timeMs: now() }),
    exec: (pid: number) => subscriber?.onEvent({ kind: 'exec', pid, timeMs: now() }),
    thread: (pid: number) => subscriber?.onEvent({ kind: 'thread', pid, timeMs: now() }),
    exit: (pid: number, exitCode = 0, kind: 'exit' | 'thread-exit' = 'exit') =>
      subscriber?.onEvent({ kind, pid, exitCode, signal: 0, timeMs: now() }),
    lose: () => subscriber?.lose('socketOverflow', 1),
    fail: (error: Error) => subscriber?.onFailed(error),
    isFresh: () => subscriber?.isFresh(),
  };
  const programs = () => ends.map(({ pid, program }) => [pid, program()?.executable]);
  return { clock, table, kernel, follow, follower, ends, programs, now, subscription };
}

/** In the group of a container, with its number as the id; in that of a service with none. */
function place(pid: number, container?: number): void {
  const path =
    container === undefined
      ? 'system.slice/containerd.service'
      : `docker/${String(container).padStart(64, '0')}`;
  writeFileSync(join(root, String(pid), 'cgroup'), `1:pids:/\n0::/${path}\n`);
}

const facts = (executable: string) => ({ executable, argv: [executable] });

describe('facts of which the execution was audited', () => {
  it('waits for nothing more of a program that was gone before it was read, where no source tells it', async () => {
    const { kernel, ends, follow, table } = await setUp();
    await follow();
    const waits = async (pid: number): Promise<boolean> => {
      kernel.fork(pid, 1);
      kernel.exec(pid);
      kernel.exit(pid);
      let isTold = false;
      ends.at(-1)?.onTold(() => (isTold = true));
      await settle();
      return !isTold;
    };
    expect(await waits(50)).toBe(false);
    table.feed();
    expect(await waits(51)).toBe(true);
  });

  it('are told as such until the process executes something that audit did not tell', async () => {
    const { table, kernel, follow, now } = await setUp();
    await follow();
    const feed = table.feed();
    kernel.fork(10, 1);
    kernel.exec(10);
    feed.executed(10, 1, { ...facts('/bin/told'), audited: true }, now());
    kernel.fork(11, 10);
    expect([table.of(10)?.audited, table.of(11)?.audited]).toEqual([true, true]);
    present(10, '/bin/missed');
    kernel.exec(10);
    expect(table.of(10)?.executable).toBe('/bin/missed');
    expect([table.of(10)?.audited, table.of(11)?.audited]).toEqual([undefined, true]);
  });
});

describe('the program of a process that ended', () => {
  it('is known whether its facts come before, between or after the events of its life', async () => {
    const { table, kernel, follow, programs, ends, now } = await setUp();
    await follow();
    const feed = table.feed();
    feed.executed(10, 1, facts('/bin/early'), now());
    kernel.fork(10, 1);
    kernel.exec(10);
    kernel.exit(10);
    kernel.fork(11, 1);
    feed.executed(11, 1, facts('/bin/between'), now());
    kernel.exec(11);
    kernel.exit(11);
    kernel.fork(12, 1);
    kernel.exec(12);
    kernel.exit(12);
    expect(programs()[2]).toEqual([12, undefined]);
    feed.executed(12, 1, facts('/bin/late'), now());
    await Promise.all(ends.map(({ onTold }) => new Promise<void>(onTold)));
    expect(programs()).toEqual([
      [10, '/bin/early'],
      [11, '/bin/between'],
      [12, '/bin/late'],
    ]);
  });

  it('is right for every order in which audit and process events can interleave', async () => {
    // Each process is a child of an earlier one, executes some programs, and ends; audit is late by some events.
    const lives = fc.array(
      fc.record({
        parent: fc.nat(),
        executions: fc.nat(2),
        lateBy: fc.nat(6),
        early: fc.boolean(),
      }),
      { minLength: 1, maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(lives, async (plan) => {
        const { table, kernel, follow, programs, ends, now } = await setUp();
        await follow();
        const feed = table.feed();
        const expected = new Map<number, string | undefined>();
        let audit: { dueAt: number; tell: () => void }[] = [];
        let step = 0;
        const flush = (all: boolean) => {
          // Audit keeps its own order: what is due waits for what is older.
          while (audit[0] !== undefined && (all || audit[0].dueAt <= step)) audit.shift()?.tell();
        };
        plan.forEach(({ parent, executions, lateBy, early }, index) => {
          const pid = 100 + index;
          const parentPid = index === 0 ? 1 : 100 + (parent % index);
          kernel.fork(pid, parentPid);
          expected.set(pid, expected.get(parentPid));
          for (let count = 0; count < executions; count++) {
            const program = `/bin/${pid}-${count}`;
            const tell = () => feed.executed(pid, parentPid, facts(program), now());
            const isNext = early && audit.length === 0;
            if (isNext) tell();
            kernel.exec(pid);
            expected.set(pid, program);
            if (!isNext) audit = [...audit, { dueAt: step + lateBy, tell }];
            step++;
            flush(false);
          }
        });
        for (const pid of expected.keys()) kernel.exit(pid);
        flush(true);
        await Promise.all(ends.map(({ onTold }) => new Promise<void>(onTold)));
        expect(programs()).toEqual([...expected]);
      }),
      { numRuns: 60 },
    );
  });

  it('is read from /proc where nothing else tells it, then while it is fresh', async () => {
    const { table, kernel, follow, programs } = await setUp();
    await follow();
    expect(kernel.isFresh()).toBe(true);
    kernel.fork(20, 1);
    present(20, '/bin/read', { startedMs: 1000 });
    kernel.exec(20);
    kernel.exit(20);
    expect(programs()).toEqual([[20, '/bin/read']]);
    const feed = table.feed();
    expect(kernel.isFresh()).toBe(false);
    feed.end();
    expect(kernel.isFresh()).toBe(true);
  });

  it('is known of a process that ran before, and of those that it forks', async () => {
    const { kernel, follow, programs } = await setUp();
    present(30, '/usr/sbin/daemon');
    await follow();
    gone(30);
    kernel.fork(31, 30);
    kernel.exit(31);
    kernel.exit(30);
    await settle();
    expect(programs()[0]).toEqual([31, '/usr/sbin/daemon']);
  });

  it('is nothing for one of which nothing is known', async () => {
    const { kernel, follow, programs } = await setUp();
    await follow();
    kernel.exit(40);
    expect(programs()).toEqual([[40, undefined]]);
  });
});

describe('the end of a process', () => {
  it('is told once, when the first thread and all others ended, with the status of the last', async () => {
    const { clock, kernel, follow, ends } = await setUp();
    await follow();
    kernel.fork(50, 1);
    kernel.thread(50);
    present(50, '/bin/threads', { threads: [51] });
    kernel.exit(50, 0);
    await clock.advance(1000);
    expect(ends).toEqual([]);
    kernel.exit(50, 3, 'thread-exit');
    gone(50);
    await clock.advance(1000);
    expect(ends).toMatchObject([{ pid: 50, exitCode: 3 }]);
    expect(clock.timers).toBe(0);
  });

  it('is not told of the threads that end when one of them executes a program', async () => {
    const { clock, kernel, follow, ends, table, now, programs } = await setUp();
    await follow();
    const feed = table.feed();
    kernel.fork(60, 1);
    kernel.thread(60);
    kernel.exit(60);
    kernel.exec(60);
    feed.executed(60, 1, facts('/bin/other'), now());
    await clock.advance(1000);
    expect(ends).toEqual([]);
    kernel.exit(60, 4);
    expect(ends).toMatchObject([{ exitCode: 4 }]);
    expect(programs()).toEqual([[60, '/bin/other']]);
  });

  it('is told before the following ends, also of a process with threads', async () => {
    const { kernel, follow, ends, subscription } = await setUp();
    const following = await follow();
    kernel.fork(61, 1);
    kernel.thread(61);
    kernel.exit(61, 5);
    following.end();
    following.end();
    expect(ends).toMatchObject([{ pid: 61, exitCode: 5 }]);
    expect(subscription.end).toHaveBeenCalledOnce();
  });

  it('is not told of threads of the kernel, but of the programs that they start', async () => {
    const { kernel, follow, table, now, programs } = await setUp();
    present(2, 'kthreadd', { flags: 0x0020_0000 });
    await follow();
    const feed = table.feed();
    kernel.fork(70, 2);
    kernel.exit(70);
    kernel.fork(71, 2);
    kernel.exec(71);
    feed.executed(71, 2, facts('/sbin/modprobe'), now());
    kernel.exit(71);
    expect(programs()).toEqual([[71, '/sbin/modprobe']]);
  });
});

describe('a process that is looked up', () => {
  it('is the one that had the pid at the time', async () => {
    const { clock, table, kernel, follow, now } = await setUp();
    await follow();
    const feed = table.feed();
    for (const program of ['/bin/first', '/bin/second']) {
      kernel.fork(80, 1);
      kernel.exec(80);
      feed.executed(80, 1, facts(program), now());
      if (program === '/bin/first') kernel.exit(80);
      await clock.advance(1000);
    }
    expect(table.of(80, now() - 1990)?.executable).toBe('/bin/first');
    expect(table.of(80)).toEqual({ pid: 80, parentPid: 1, ...facts('/bin/second') });
  });

  it('is remembered for a minute after its end', async () => {
    const { clock, table, kernel, follow, now } = await setUp();
    await follow();
    kernel.fork(81, 1);
    table.feed().executed(81, 1, facts('/bin/short'), now());
    kernel.exit(81);
    const endedMs = now();
    await clock.advance(50_000);
    expect(table.of(81, endedMs)?.executable).toBe('/bin/short');
    expect(table.of(81)).toBeUndefined();
    await clock.advance(11_000);
    kernel.fork(82, 1);
    kernel.exit(82);
    expect(table.of(81, endedMs)).toBeUndefined();
  });

  it('is read from /proc when it was there before, with all its arguments', async () => {
    const { table, follow } = await setUp();
    present(83, '/usr/sbin/daemon');
    await follow();
    expect(table.of(83)).toEqual({
      pid: 83,
      parentPid: 1,
      executable: '/usr/sbin/daemon',
      argv: ['/usr/sbin/daemon', '-v'],
      realUid: 7,
    });
  });

  it('is not the one in /proc when that started later', async () => {
    const { clock, table, now } = await setUp();
    const thenMs = now();
    await clock.advance(1000);
    present(84, '/bin/later', { startedMs: 2000 });
    expect(table.of(84, thenMs)).toBeUndefined();
    expect(table.of(84)?.executable).toBe('/bin/later');
  });

  it('is believed without process events only when /proc confirms it', async () => {
    const { clock, table, now } = await setUp();
    const feed = table.feed();
    present(85, '/bin/told', { startedMs: 1000 });
    feed.executed(85, 1, facts('/bin/told'), now());
    const thenMs = now();
    expect(table.of(85)?.argv).toEqual(['/bin/told']);
    await clock.advance(5000);
    present(85, '/bin/another', { startedMs: 4000 });
    expect(table.of(85)?.executable).toBe('/bin/another');
    expect(table.of(85, thenMs)?.executable).toBe('/bin/told');
  });
});

describe('the table of processes', () => {
  it('looks at /proc again after a loss', async () => {
    const { clock, table, kernel, follow, follower, programs, now } = await setUp();
    present(90, '/bin/stays');
    await follow();
    const feed = table.feed();
    kernel.fork(91, 1);
    feed.executed(91, 1, facts('/bin/vanishes'), now());
    kernel.lose();
    present(92, '/bin/unheard', { startedMs: 1500 });
    await clock.advance(2000);
    expect(follower.lose.mock.calls).toEqual([['socketOverflow', 1]]);
    expect(table.of(91)).toBeUndefined();
    kernel.fork(93, 92);
    kernel.exit(93);
    expect(programs()).toEqual([[93, '/bin/unheard']]);
  });

  it('tells its followers when the process events end, and can be followed again', async () => {
    const { kernel, follow, follower, ends } = await setUp();
    await follow();
    kernel.fail(new Error('It ended.'));
    expect(follower.onFailed).toHaveBeenCalledWith(new Error('It ended.'));
    await follow();
    kernel.exit(94);
    expect(ends).toHaveLength(1);
  });

  it('never throws, and tells no end twice, whatever the kernel tells', async () => {
    const pid = fc.integer({ min: 1, max: 6 });
    const act = fc.tuple(fc.nat(6), pid, pid, fc.boolean());
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 40 }), async (acts) => {
        const { clock, table, kernel, follow, ends, now } = await setUp();
        await follow();
        const feed = table.feed();
        for (const [kind, one, other, wait] of acts) {
          if (kind === 0) kernel.fork(one, other);
          if (kind === 1) kernel.exec(one);
          if (kind === 2) kernel.exit(one);
          if (kind === 3) kernel.thread(one);
          if (kind === 4) kernel.exit(one, 0, 'thread-exit');
          if (kind === 5) feed.executed(one, other, facts('/bin/x'), now());
          if (kind === 6) table.of(one, now() - other * 100);
          if (wait) await clock.advance(60);
        }
        await clock.advance(1000);
        expect(ends.length).toBeLessThanOrEqual(acts.filter(([kind]) => kind === 2).length);
      }),
      { numRuns: 40 },
    );
  });
});

describe('the container of a process', () => {
  const shim = 10;
  /** A shim, with executions told by audit a moment after their announcement. */
  async function withShim() {
    present(shim, '/usr/bin/containerd-shim-runc-v2');
    place(shim);
    const all = await setUp();
    const { ends, follow, kernel, now, table } = all;
    await follow();
    const feed = table.feed();
    const number = (pid: number) => {
      const container = table.containerOf(pid, now());
      return container ? Number(container.id) : container;
    };
    const tell = (pid: number, parentPid: number, program: string) =>
      feed.executed(pid, parentPid, facts(program), now());
    const execute = (pid: number, parentPid: number, program: string) => {
      kernel.exec(pid);
      tell(pid, parentPid, program);
    };
    const endedIn = () => ends.map(({ container }) => container() && Number(container()?.id));
    /** What runc leaves behind, in that container, executing the program of it. */
    const startContainer = (pid: number, container: number) => {
      kernel.fork(pid, shim);
      present(pid, '/usr/bin/runc');
      place(pid);
      execute(pid, shim, '/usr/bin/runc');
      place(pid, container);
      execute(pid, shim, '/bin/app');
    };
    return { ...all, endedIn, execute, number, startContainer, tell };
  }

  it('is that of its parent, and nothing is read for it', async () => {
    const { endedIn, execute, kernel, number, startContainer } = await withShim();
    startContainer(20, 7);
    expect(number(20)).toBe(7);
    for (const [pid, parentPid] of [
      [21, 20],
      [22, 21],
    ] as const) {
      kernel.fork(pid, parentPid);
      execute(pid, parentPid, '/bin/gone');
      expect(number(pid)).toBe(7);
    }
    for (const pid of [22, 21]) kernel.exit(pid);
    expect(endedIn()).toEqual([7, 7]);
    // A child that says it is elsewhere is not asked.
    kernel.fork(23, 20);
    present(23, '/bin/sh');
    place(23, 8);
    execute(23, 20, '/bin/sh');
    expect(number(23)).toBe(7);
  });

  it('is the one that a runtime moves it into before it executes', async () => {
    const { execute, kernel, number, startContainer } = await withShim();
    expect(number(shim)).toBeNull();
    startContainer(20, 7);
    startContainer(30, 8);
    expect([number(20), number(30)]).toEqual([7, 8]);
    // One in the container moves its own, as Docker in Docker does.
    kernel.fork(31, 30);
    execute(31, 30, '/usr/bin/dockerd');
    kernel.fork(32, 31);
    present(32, '/bin/inner');
    place(32, 9);
    execute(32, 31, '/bin/inner');
    expect([number(31), number(32)]).toEqual([8, 9]);
  });

  it('is known of what runs in one, though audit tells late what ran before', async () => {
    const { kernel, number, tell } = await withShim();
    kernel.fork(40, 1);
    present(40, '/usr/bin/podman');
    place(40);
    kernel.exec(40);
    kernel.fork(41, 40);
    present(41, '/bin/app');
    place(41, 7);
    kernel.exec(41);
    tell(40, 1, '/usr/bin/podman');
    tell(41, 40, '/bin/app');
    expect(number(41)).toBe(7);
  });

  it('is not known of what a runtime started and could not be looked at any more', async () => {
    const { endedIn, execute, kernel, number } = await withShim();
    kernel.fork(20, shim);
    execute(20, shim, '/usr/bin/runc');
    execute(20, shim, '/bin/true');
    expect(number(20)).toBeUndefined();
    kernel.exit(20);
    expect(endedIn()).toEqual([undefined]);
    // Version 1 shows a process that is ending at the root of its groups.
    kernel.fork(21, shim);
    present(21, '/bin/true', { flags: 4 });
    place(21);
    execute(21, shim, '/bin/true');
    expect(number(21)).toBeUndefined();
  });

  it('is that of another process when the pid has another one', async () => {
    const { clock, execute, kernel, number } = await withShim();
    kernel.fork(20, shim);
    present(20, '/bin/other', { startedMs: 60_000 });
    place(20, 7);
    await clock.advance(1);
    execute(20, shim, '/bin/true');
    expect(number(20)).toBeUndefined();
  });

  it('is read of a process that was there before, and again after a loss of events', async () => {
    const { clock, kernel, number } = await withShim();
    present(50, '/bin/old');
    place(50, 7);
    expect(number(50)).toBe(7);
    place(50, 8);
    kernel.lose();
    await clock.advance(1000);
    expect(number(50)).toBe(8);
  });
});
