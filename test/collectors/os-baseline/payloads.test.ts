import { describe, expect, it } from 'vitest';
import { securityEvent } from '../../../agent/pipeline/event.js';
import { baselineChecks } from '../../../collectors/os-baseline/checks/index.js';
import {
  error,
  fail,
  notApplicable,
  pass,
  type Verdict,
} from '../../../collectors/os-baseline/checks/check.js';

import { toPayloads } from '../../../collectors/os-baseline/payloads.js';
import { SchemaCheck } from '../../../local-hub/hub/schema-check.js';

const outcomes = (verdict: (index: number) => Verdict) =>
  baselineChecks.map((check, index) => ({ check, verdict: verdict(index) }));

const id = (name: string) => {
  const check = baselineChecks.find((other) => other.id === name);
  if (check === undefined) throw new Error(name);
  return check;
};

describe('what is sent of the baseline', () => {
  it('is each check that failed or could not be made, valid under the public schema', () => {
    for (const verdict of [fail('it is 0777'), error('it may not be read')]) {
      const payloads = toPayloads(
        outcomes(() => verdict),
        0,
      );
      expect(payloads).toHaveLength(baselineChecks.length);
      const event = securityEvent({ name: 'OSBaseline', payloads, timeMs: 0 });
      const message = {
        AgentVersion: '0.1.0',
        AgentId: '9c647395-b913-4997-a732-a7fe7303b649',
        MessageSchemaVersion: '1.0',
        Events: [event],
      };
      expect(new SchemaCheck().problems(message)).toEqual([]);
    }
  });

  it('is nothing where all passed or does not apply', () => {
    expect(
      toPayloads(
        outcomes((n) => (n % 2 ? pass : notApplicable('there is none'))),
        0,
      ),
    ).toEqual([]);
  });

  it('carries the ids of the retired baseline, else the CIS section, else our own', () => {
    const ids = ['parameter-ip-forward', 'parameter-ip-forward-v6', 'root-read-only'];
    const payloads = toPayloads(
      ids.map((name) => ({ check: id(name), verdict: fail('1') })),
      0,
    );
    expect(payloads.map(({ CceId, ExtraDetails }) => [CceId, ExtraDetails?.['CheckId']])).toEqual([
      ['CCE-3561-8', 'parameter-ip-forward'],
      ['3.1.1', 'parameter-ip-forward-v6'],
      ['root-read-only', 'root-read-only'],
    ]);
    expect(payloads[0]?.ExtraDetails).toMatchObject({
      RuleId: '5971bbd2-1977-4652-bd85-a38a8f780052',
      CisSection: '3.1.1',
      Found: '1',
      Expected: 'net.ipv4.ip_forward = 0',
    });
  });

  it('counts all checks in its first payload alone', () => {
    const verdicts = [pass, notApplicable('no'), fail('x'), error('y'), fail('z')];
    const payloads = toPayloads(
      verdicts.map((verdict, index) => ({ check: baselineChecks[index] ?? id(''), verdict })),
      0,
    );
    const counts = payloads.map(({ Result, ExtraDetails = {} }) => [
      Result,
      ExtraDetails['Passed'],
      ExtraDetails['Failed'],
      ExtraDetails['Errors'],
      ExtraDetails['NotApplicable'],
    ]);
    expect(counts).toEqual([
      ['Fail', '1', '2', '1', '1'],
      ['Err', undefined, undefined, undefined, undefined],
      ['Fail', undefined, undefined, undefined, undefined],
    ]);
  });

  it('says when it was looked at, where that was before', () => {
    const asOfMs = Date.UTC(2026, 10, 28, 2);
    const [payload] = toPayloads(
      [{ check: id('root-read-only'), verdict: { ...fail('x'), asOfMs } }],
      asOfMs + 3_600_000,
    );
    expect(payload?.ExtraDetails).toMatchObject({
      AsOf: '2026-11-28T02:00:00.000Z',
      AgeInSeconds: '3600',
    });
  });

  it('shows what was found without its control characters and within bounds', () => {
    const [payload] = toPayloads(
      [{ check: id('root-read-only'), verdict: fail(`a\n\u001b[31m${'b'.repeat(2000)}`) }],
      0,
    );
    const found = payload?.ExtraDetails?.['Found'] ?? '';
    expect(found).toHaveLength(512);
    expect(found).toMatch(/^a\\u\{a\}\\u\{1b\}\[31mb+…$/);
  });
});
