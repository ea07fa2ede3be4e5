import { describe, expect, it } from 'vitest';
import { OwnProcesses } from '../../../agent/pipeline/own-processes.js';

const table = (parents: Record<number, number>) => (pid: number) => parents[pid];

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
    const own = new OwnProcesses(10, () => 10, 100);
    for (let pid = 100; pid < 10_000; pid++) expect(own.isOwn(pid, 10)).toBe(true);
  });
});
