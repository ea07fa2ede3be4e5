import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { baselineChecks } from '../../../collectors/os-baseline/checks/index.js';
import { enabledChecks } from '../../../collectors/os-baseline/disabled-checks.js';
import { osBaseline } from '../../../collectors/os-baseline/index.js';
import type { SourceState } from '../../../collectors/kernel/source-state.js';
import { checkPayload } from '../../../contract/payload-check.js';
import type { Payload } from '../../../contract/events.js';
import { rootOf } from '../../support/captured-roots.js';
import { fakeHost } from '../../support/case-host.js';

const settings = (checks: string | null, groups: string | null = null) => ({
  baselineChecksDisabled: checks,
  baselineGroupsDisabled: groups,
});
const off = (checks: string | null, groups: string | null = null): string[] => {
  const left = new Set(enabledChecks(baselineChecks, settings(checks, groups)).checks);
  return baselineChecks.filter((check) => !left.has(check)).map(({ id }) => id);
};
const inSection = (section: string): string[] =>
  baselineChecks
    .filter(({ section: own = '' }) => own === section || own.startsWith(`${section}.`))
    .map(({ id }) => id);

describe('the checks that the twin switches off', () => {
  it('are named by our id, a CIS section, an id of the micro agent, a CCE id or a rule id', () => {
    expect(off(' DebugFS ,')).toEqual(['debugfs']);
    expect(off('1.5.1')).toEqual(inSection('1.5.1'));
    expect(off('1.5.1')).toContain('core-dumps');
    expect(off('CIS-debian-9-Additional Process Hardening-1.5.1')).toEqual(inSection('1.5.1'));
    const rule = baselineChecks.find(({ cceId }) => cceId === 'CCE-3561-8');
    expect(off('CCE-3561-8')).toEqual([rule?.id]);
    expect(off(rule?.ruleId ?? '')).toEqual([rule?.id]);
  });

  it.each([
    ['Time Synchronization', '2.2.1'],
    ['Network Parameters Host', '3.1'],
    ['Network Parameters (Host Only)', '3.1'],
    ['network parameters (Host and Router)', '3.2'],
    ['Configure SSH Server', '5.2'],
    ['5.2', '5.2'],
  ])('are named by the group %s of the benchmark', (group, section) => {
    expect(inSection(section).length).toBeGreaterThan(0);
    expect(off(null, group)).toEqual(inSection(section));
  });

  it('are named by our groups', () => {
    const debug = baselineChecks.filter(({ subject }) => subject === 'debug').map(({ id }) => id);
    expect(off(null, 'debug')).toEqual(debug);
    expect(off(null, 'Debug Interfaces')).toEqual(debug);
  });

  it('are none where a name is that of no check or group, and that is said', () => {
    const result = enabledChecks(baselineChecks, settings('9.9.9, debugfs, a\u001bb', 'toString'));
    expect(result.disabled).toBe(1);
    expect(result.limitation).toBe(
      'The twin switches off "9.9.9", "a\\u{1b}b", "toString", which no check or group is called.',
    );
    expect(enabledChecks(baselineChecks, settings('', ' , ')).limitation).toBeUndefined();
  });

  it('and those that are made are all checks, whatever is written', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (checks, groups) => {
        const result = enabledChecks(baselineChecks, settings(checks, groups));
        expect(result.checks.length + result.disabled).toBe(baselineChecks.length);
        expect((result.limitation ?? '').length).toBeLessThan(400);
      }),
    );
  });
});

const snapshot = async (
  files: Readonly<Record<string, string>>,
  checks: string | null = null,
): Promise<{ payloads: readonly Payload<'OSBaseline'>[]; source: SourceState | undefined }> => {
  const host = fakeHost({ paths: rootOf(files) });
  const current = { ...host.twin.current, ...settings(checks) };
  const sources: SourceState[] = [];
  const payloads = (await osBaseline.collect({
    host: { ...host, twin: { current } },
    signal: new AbortController().signal,
    lose: () => undefined,
    setSource: (state) => sources.push(state),
  })) as Payload<'OSBaseline'>[];
  for (const payload of payloads) expect(checkPayload('OSBaseline', payload)).toBeUndefined();
  return { payloads, source: sources[0] };
};
const hosts = { 'etc/hosts': '127.0.0.1 localhost\n' };
const idsOf = (payloads: readonly Payload<'OSBaseline'>[]) =>
  payloads.map(({ ExtraDetails }) => ExtraDetails?.['CheckId']);

describe('a snapshot of the baseline', () => {
  it('makes no check that is switched off, and tells how many these are', async () => {
    const all = await snapshot(hosts);
    const [first = '', ...others] = idsOf(all.payloads);
    expect(all.payloads[0]?.ExtraDetails).not.toHaveProperty('Disabled');
    const some = await snapshot(hosts, `${first}, nonsense`);
    expect(idsOf(some.payloads)).toEqual(others);
    expect(some.payloads[0]?.ExtraDetails).toMatchObject({ Disabled: '1' });
    expect(some.source?.counters).toMatchObject({ disabled: 1 });
    expect(some.source?.limitation).toContain('"nonsense"');
  });

  it('has the failure of the self test where its file is there, and no word of it otherwise', async () => {
    const trigger = { ...hosts, 'tmp/DefenderForIoTOSBaselineTrigger.txt': '' };
    const asked = await snapshot(trigger);
    expect(asked.payloads.at(-1)).toMatchObject({
      CceId: 'CIS-debian-9-DEFENDER_FOR_IOT_TEST_CHECKS-0.0',
      Result: 'Fail',
      ExtraDetails: { CheckId: 'self-test' },
    });
    const without = await snapshot(hosts);
    expect(idsOf(without.payloads)).not.toContain('self-test');
    const counted = Object.values(without.source?.counters ?? {}).reduce((sum, n) => sum + n, 0);
    expect(counted).toBe(baselineChecks.length);
  });
});
