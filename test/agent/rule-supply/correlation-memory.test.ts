import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CorrelationMemory } from '../../../agent/rule-supply/correlation-memory.js';
import { Detector } from '../../../detection/rules/detector.js';
import { FakeClock } from '../../support/fake-clock.js';
import { setOf } from '../../support/sigma.js';

const set = setOf(`title: f
id: f
logsource: {category: login}
detection: {s: {Result: Fail}, condition: s}
---
title: many
id: many
level: high
correlation: {type: event_count, rules: [f], group-by: [User], timespan: 1h, condition: {gte: 3}}
`);

let stateDirectory = '';
beforeEach(async () => (stateDirectory = await mkdtemp(join(tmpdir(), 'correlations-'))));
afterEach(() => rm(stateDirectory, { recursive: true }));

function run(clock = new FakeClock()) {
  const detector = new Detector(set);
  const warnings: string[] = [];
  const memory = new CorrelationMemory({
    stateDirectory,
    clock,
    log: { warn: (sentence) => void warnings.push(sentence) },
    content: () => detector.save(),
  });
  const fail = (timeMs: number, Result = 'Fail'): number => {
    const before = detector.counted;
    const event = { logsource: { category: 'login' }, fields: { Result, User: 'a' }, timeMs };
    const { hits } = detector.judge(event);
    if (detector.counted !== before) memory.changed();
    return hits.length;
  };
  return { clock, detector, fail, memory, warnings };
}

it('what is counted goes on after a restart, and is written when something was counted alone', async () => {
  const first = run();
  expect(await first.memory.load()).toBeUndefined();
  first.fail(0, 'Success');
  await first.memory.save();
  expect(await readdir(stateDirectory)).toEqual([]);
  expect(first.clock.timers).toBe(0);
  first.fail(1000);
  first.fail(2000);
  expect(first.clock.timers).toBe(1);
  await first.clock.advance(5 * 60_000);
  await first.memory.save();
  expect((await stat(join(stateDirectory, 'correlations.json'))).mode & 0o777).toBe(0o600);
  const second = run();
  second.detector.restore((await second.memory.load()) ?? null);
  expect(second.fail(3000)).toBe(1);
  expect([...first.warnings, ...second.warnings]).toEqual([]);
});

it.each([
  ['no JSON', '{"version":', 1],
  ['deep', `${'['.repeat(100)}${']'.repeat(100)}`, 1],
  ['of another version', '{"version":2}', 0],
  ['a list', '[1]', 0],
])('a file that is %s begins anew', async (_, text, warnings) => {
  await writeFile(join(stateDirectory, 'correlations.json'), text);
  const { detector, fail, memory, warnings: said } = run();
  detector.restore((await memory.load()) ?? null);
  expect([fail(1), fail(2), fail(3)]).toEqual([0, 0, 1]);
  expect(said).toHaveLength(warnings);
});

it('a file with more than is ever kept is taken as far as that, without delay', () => {
  const { detector } = run();
  const saved = detector.save();
  detector.judge({ logsource: { category: 'login' }, fields: { Result: 'Fail' }, timeMs: 1 });
  const [one] = detector.save()['correlations'] as [{ groups: [{ entries: [number[]] }] }];
  const groups = Array.from({ length: 40_000 }, (_, at) => ({
    key: String(at),
    entries: [[at, 0, 0]],
  }));
  detector.restore({ ...saved, correlations: [{ ...one, groups }] });
  const kept = detector.save()['correlations'] as [{ groups: unknown[] }];
  expect(kept[0].groups.length).toBeLessThanOrEqual(1024);
});
