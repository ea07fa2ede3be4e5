import { describe, expect, it } from 'vitest';
import { type Helpers, OwnProcesses } from '../../../agent/pipeline/own-processes.js';

const table = (parents: Record<number, number>) => (pid: number) => parents[pid];

const helpers = (cgroup: ReadonlySet<number>, mayRun = { yes: true }): Helpers => ({
  mayRun: () => mayRun.yes,
  has: (pid) => cgroup.has(pid),
});

describe('the agent never reports itself', () => {
  it('knows its children and their descendants, also across a fork without exec', () => {
    const parents: Record<number, number> = { 10: 1, 20: 10, 30: 20, 31: 30 };
    const own = new OwnProcesses(10, table(parents));
    expect(own.isOwn(10, 1)).toBe(true);
    expect(own.isOwn(20, 10)).toBe(true);
    expect(own.isOwn(40, 31)).toBe(true);
  });

  it('as process 1 it has the orphans of others for children, and reports them', () => {
    const own = new OwnProcesses(1, table({ 20: 1, 21: 20 }));
    expect(own.isOwn(1, 0)).toBe(true);
    expect(own.isOwn(20, 1)).toBe(false);
    expect(own.isOwn(21, 20)).toBe(false);
  });

  it('reports everybody else', () => {
    const own = new OwnProcesses(10, table({ 10: 1, 50: 1, 51: 50 }));
    expect(own.isOwn(20, 10)).toBe(true);
    expect(own.isOwn(51, 50)).toBe(false);
    expect(own.isOwn(60, 1)).toBe(false);
  });

  it('does not mistake a stranger for a descendant because a pid is used again', () => {
    const parents: Record<number, number> = { 10: 1, 20: 10 };
    const own = new OwnProcesses(10, table(parents));
    expect(own.isOwn(20, 10)).toBe(true);
    parents[20] = 1;
    expect(own.isOwn(70, 20)).toBe(false);
  });

  it('stays bounded', () => {
    const own = new OwnProcesses(10, () => 10, undefined, 100);
    for (let pid = 100; pid < 10_000; pid++) expect(own.isOwn(pid, 10)).toBe(true);
  });

  it('knows what runs for it in the inventory process, also when it is gone', () => {
    const parents: Record<number, number> = { 10: 1, 50: 1, 51: 50 };
    const cgroup = new Set([50, 51]);
    const own = new OwnProcesses(10, table(parents), helpers(cgroup));
    expect(own.isOwn(50, 1)).toBe(true);
    expect(own.isOwn(51, 50)).toBe(true);
    // A short-lived program, of which the kernel told before it ended, and its end.
    expect(own.isOwn(52, 51)).toBe(true);
    expect(own.isOwn(52, undefined)).toBe(true);
    cgroup.clear();
    for (const pid of [50, 51]) Reflect.deleteProperty(parents, pid);
    expect(own.isOwn(53, 51)).toBe(true);
    expect(own.isOwn(51, undefined)).toBe(true);
  });

  it('reports whoever lives outside of it, whatever the number or the parent was', () => {
    const parents: Record<number, number> = { 10: 1, 50: 1 };
    const cgroup = new Set([50]);
    const own = new OwnProcesses(10, table(parents), helpers(cgroup));
    expect(own.isOwn(50, 1)).toBe(true);
    // Somebody who was moved out, and a stranger with the number of one that ended.
    Object.assign(parents, { 60: 50 });
    expect(own.isOwn(60, 50)).toBe(false);
    cgroup.clear();
    expect(own.isOwn(50, 1)).toBe(false);
  });

  it('forgets them when none can run any more, because their numbers are given to others', () => {
    const mayRun = { yes: true };
    const own = new OwnProcesses(10, table({ 10: 1 }), helpers(new Set([50]), mayRun));
    expect(own.isOwn(50, 1)).toBe(true);
    expect(own.isOwn(52, 50)).toBe(true);
    mayRun.yes = false;
    expect(own.isOwn(60, 1)).toBe(false);
    mayRun.yes = true;
    expect(own.isOwn(52, 1)).toBe(false);
  });

  it('asks for the group of each process once, and of none below a stranger', () => {
    const parents: Record<number, number> = { 10: 1, 50: 1, 60: 1 };
    const cgroup = new Set([50]);
    const asked: number[] = [];
    const asking: Helpers = {
      mayRun: () => true,
      has: (pid) => {
        asked.push(pid);
        return cgroup.has(pid);
      },
    };
    const looked: number[] = [];
    const parentOf = (pid: number): number | undefined => {
      looked.push(pid);
      return parents[pid];
    };
    const own = new OwnProcesses(10, parentOf, asking);
    expect(own.isOwn(50, 1)).toBe(true);
    for (let pid = 1000; pid < 9000; pid++) {
      // A daemon starts a shell, which starts a program, which connects and ends.
      expect(own.isOwn(pid, 60)).toBe(false);
      expect(own.isOwn(pid + 10_000, pid)).toBe(false);
      expect(own.isOwn(pid + 10_000, undefined)).toBe(false);
    }
    expect(own.isOwn(60, undefined)).toBe(false);
    expect(asked).toEqual([50, 60]);
    expect(looked).toEqual([]);
  });

  it('knows what a shell of the inventory runs that forked without executing', () => {
    const own = new OwnProcesses(10, table({ 10: 1, 50: 1, 51: 50 }), helpers(new Set([50, 51])));
    expect(own.isOwn(50, 1)).toBe(true);
    expect(own.isOwn(52, 51)).toBe(true);
  });

  it('knows the first process of a run also where it was told of before it was in its unit', () => {
    const cgroup = new Set<number>();
    const own = new OwnProcesses(10, table({ 10: 1, 50: 1 }), helpers(cgroup));
    expect(own.isOwn(50, 1)).toBe(false);
    cgroup.add(50);
    expect(own.isOwn(50, 1)).toBe(true);
    expect(own.isOwn(51, 50)).toBe(true);
  });
});
