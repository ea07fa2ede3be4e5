import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { baselineChecks } from '../../../collectors/os-baseline/checks/index.js';
import { checkCases } from './cases/index.js';
import { denied, judged, none } from './judged.js';

const data = (name: string): string[][] =>
  readFileSync(join(import.meta.dirname, name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split('\t'));

const ids = baselineChecks.map(({ id }) => id);

describe('the checks of the baseline', () => {
  it('have ids of their own, and cases of their own', () => {
    expect(new Set(ids).size).toBe(ids.length);
    expect(Object.keys(checkCases).sort()).toEqual([...ids].sort());
    for (const id of ids) expect(id).toMatch(/^[a-z][a-z0-9-]{2,63}$/);
  });

  it('say everything in sentences that fit', () => {
    for (const { id, title, expected, remedy } of baselineChecks) {
      expect(title, id).toMatch(/^[A-Z/].{9,119}[^.]$/);
      expect(expected, id).toMatch(/^.{5,159}[^.]$/);
      expect(remedy, id).toMatch(/^[A-Z].{19,299}\.$/);
    }
  });

  it('carry the ids of the rules that they are', () => {
    const cceIds = new Map(data('retired-rules.tsv').map(([cce, rule]) => [rule, cce]));
    const successor = new Set(data('successor-rules.txt').flat());
    for (const { id, cceId, ruleId } of baselineChecks) {
      if (cceId !== undefined) expect(cceId, id).toBe(cceIds.get(ruleId));
      else if (ruleId !== undefined) {
        expect(successor, id).toContain(ruleId);
        expect(cceIds.get(ruleId), `${id} is a rule of the retired baseline`).toBeUndefined();
      }
    }
    const ruleIds = baselineChecks.flatMap(({ ruleId }) => ruleId ?? []);
    expect(new Set(ruleIds).size).toBe(ruleIds.length);
  });
});

describe.each(baselineChecks.map((check) => [check.id, check] as const))('%s', (id, check) => {
  const cases = checkCases[id] ?? { pass: [], fail: [] };
  const [well] = cases.pass;
  const asOf = cases.asOfMs === undefined ? {} : { asOfMs: cases.asOfMs };

  it('passes where all is well', () => {
    expect(cases.pass.length).toBeGreaterThan(0);
    for (const given of cases.pass)
      expect(judged(check, given)).toEqual({ result: 'pass', ...asOf });
  });

  it('fails with what it found', () => {
    expect(cases.fail.length).toBeGreaterThan(0);
    for (const [given, found] of cases.fail)
      expect(judged(check, given)).toEqual({ result: 'fail', found, ...asOf });
  });

  it('does not apply where the device has no such thing', () => {
    const missing = check.needs.flatMap((need, index) =>
      need.startsWith('?') ? [] : [well?.map((value, at) => (at === index ? none : value)) ?? []],
    );
    for (const given of [...missing, ...(cases.notApplicable ?? [])])
      expect(judged(check, given)).toMatchObject({ result: 'notApplicable' });
  });

  it('is an error, and no pass, where a fact cannot be read', () => {
    const unread = check.needs.map((_, index) =>
      (well ?? []).map((value, at) => (at === index ? denied : value)),
    );
    expect(unread.length).toBeGreaterThan(0);
    for (const given of [...unread, ...(cases.error ?? [])])
      expect(judged(check, given)).toMatchObject({ result: 'error' });
  });
});
