import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pageWith, ratio, sections } from '../../bench/peers/page.js';
import { picture } from '../../bench/peers/picture.js';
import { filesOf, partOf, timeOfParts } from '../../bench/peers/profile-parts.js';
import { rounded, together, type Result } from '../../bench/peers/result.js';
import { median, percentile, spread } from '../../bench/peers/statistics.js';
import { Tally, foundIn } from '../../bench/peers/written-files.js';

const one = (value: number) => ({ median: value, least: value - 1, most: value + 1 });
const result: Result = {
  date: '2026-01-02',
  commit: 'abc',
  quick: false,
  rounds: 3,
  amount: { programs: 3_200, connections: 3_200, paced: 0 },
  machine: { processors: '2 × <one>', node: '20' },
  watchers: [
    {
      name: 'untraced',
      title: 'nobody watches',
      figures: { callNs: one(300), execWallUs: one(500) },
    },
    {
      name: 'agent-audit',
      title: 'agent',
      figures: {
        execCpuUs: one(200),
        execSystemUs: one(50),
        execWallUs: one(600),
        callNs: one(450),
      },
    },
    { name: 'auditd-laurel', title: 'auditd & laurel', figures: { execCpuUs: one(400) } },
    { name: 'bpftrace', title: 'bpftrace', unavailable: 'no BTF', figures: {} },
  ],
  bareNode: { idleResidentKb: 40_000 },
  curves: [
    {
      name: 'rate',
      title: 'Rate',
      unit: 'a second',
      points: [
        { x: 10, figures: { 'µs an exec': 900, 'MB at the peak': 90 } },
        { x: 200, figures: { 'µs an exec': 300, 'MB at the peak': 110 } },
      ],
    },
  ],
  profiles: [],
};

describe('the comparison with peers', () => {
  it('tells the middle, the nearest rank and the span of rounds, and nothing of none', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
    const hundred = Array.from({ length: 100 }, (_, at) => 100 - at);
    expect([percentile(hundred, 0.5), percentile(hundred, 0.99)]).toEqual([50, 99]);
    expect(spread([undefined, 2, NaN, 4])).toEqual({ median: 3, least: 2, most: 4 });
    expect(spread([undefined])).toBeUndefined();
  });

  it('puts rounds together figure by figure, also one that not every round has', () => {
    expect(together([{ a: 1, b: 5 }, { a: 3 }])).toEqual({
      a: { median: 2, least: 1, most: 3 },
      b: { median: 5, least: 5, most: 5 },
    });
    expect(rounded({ a: [12.3456, 123_456] })).toEqual({ a: [12.3, 123_460] });
  });

  it('counts each program and address of the workload once, however often it is named', () => {
    const tally = new Tally('m');
    tally.add('a0="/bin/true" a1="m-1"\nm-2 m-2 other-3 127.1.0.7 127.1');
    expect(tally.told).toEqual({ programs: 1, connections: 0 });
    tally.add('.0.8 127.0.0.1\n');
    expect(tally.told).toEqual({ programs: 2, connections: 2 });
    const texts = [
      { atMs: 20, text: 'm-5000' },
      { atMs: 30, text: 'm-5000 m-9000' },
    ];
    expect(foundIn(texts, 'm')).toEqual([
      { startedMs: 5, foundMs: 20 },
      { startedMs: 9, foundMs: 30 },
    ]);
  });

  it('tells ratios of one run, why a peer has no figures, and a dash where nothing is known', () => {
    expect(ratio(result, 'execCpuUs', 'agent-audit', 'auditd-laurel')).toBe(0.5);
    const { costs } = sections(result);
    expect(costs).toContain('| agent | 200 (199–201) | 0.50 × | 25 % |');
    expect(costs).toContain('| 1.20 × | – | 150 |');
    expect(costs).toContain('- bpftrace: not available: no BTF');
  });

  it('writes each section into its place and says when a place is missing', () => {
    const empty = Object.keys(sections(result))
      .map((name) => `<!-- ${name} -->\n<!-- /${name} -->\n`)
      .join('');
    const page = pageWith(`before\n${empty}after`, result);
    expect(page).toContain(sections(result)['costs']);
    expect(pageWith(page, result)).toBe(page);
    expect(() => pageWith('nothing', result)).toThrow(/has no place for/);
    expect(() => pageWith(readFileSync('docs/performance.md', 'utf8'), result)).not.toThrow();
  });

  it('draws the same picture of the same result, with every text escaped', () => {
    const drawn = picture(result);
    expect(picture(structuredClone(result))).toBe(drawn);
    expect(drawn).toContain('auditd &amp; laurel');
    expect(drawn).not.toContain('<one>');
    expect(drawn).not.toContain('NaN');
  });

  it('counts the time of Node for the file of the project that called it, and rest for nobody', () => {
    const fileAt = filesOf({
      version: 3,
      file: 'agent.cjs',
      sources: ['../../agent/spool/journal.ts', '../../base/x.ts'],
      sourcesContent: [],
      names: [],
      mappings: 'AAAA;ACAA',
      sourceRoot: '',
    });
    expect([fileAt(0, 5), fileAt(1, 5)]).toEqual(['agent/spool/journal.ts', 'base/x.ts']);
    const node = (
      id: number,
      functionName: string,
      url: string,
      line: number,
      children: number[],
    ) => ({
      id,
      callFrame: { functionName, url, lineNumber: line, columnNumber: 3 },
      children,
    });
    const times = timeOfParts(
      {
        nodes: [
          node(1, '(root)', '', -1, [2, 4, 5]),
          node(2, 'append', 'file:///dist/agent.cjs', 0, [3]),
          node(3, 'write', 'node:fs', 10, []),
          node(4, '(idle)', '', -1, []),
          node(5, '(garbage collector)', '', -1, []),
        ],
        samples: [2, 3, 4, 5, 1],
        timeDeltas: [1, 2, 4, 8, 16],
      },
      fileAt,
      'agent.cjs',
    );
    expect(Object.fromEntries(times)).toEqual({
      journal: 3,
      'collector of garbage': 8,
      'Node itself': 16,
    });
    expect(partOf('agent/pipeline/redaction/redactor.ts')).toBe('masking');
    expect(partOf('collectors/kernel/audit/record.ts')).toBe('parsing');
    expect(partOf('agent/detection/detection.ts')).toBe('judging');
  });
});
