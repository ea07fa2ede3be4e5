import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RuleSupply } from '../../../agent/rule-supply/rule-supply.js';
import { settingsInForce } from '../../../agent/twin/settings-in-force.js';
import type { JsonObject, JsonValue } from '../../../base/json.js';
import { evaluateTwin } from '../../../config/evaluate-twin.js';
import { Settings } from '../../../config/settings.js';
import { configurationObjectName } from '../../../config/twin-settings.js';
import { Detector } from '../../../detection/rules/detector.js';
import { FakeClock } from '../../support/fake-clock.js';

let root = '';
let builtinDirectory = '';
let rulesDirectory = '';
let clock: FakeClock;
let supplies: RuleSupply[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'supply-'));
  builtinDirectory = join(root, 'builtin');
  rulesDirectory = join(root, 'rules.d');
  await mkdir(builtinDirectory);
  await mkdir(rulesDirectory);
  clock = new FakeClock();
});
afterEach(async () => {
  for (const supply of supplies) supply.close();
  supplies = [];
  await rm(root, { recursive: true });
});

const rule = (id: string, line: string, more = ''): string =>
  `title: ${id}\nid: ${id}\nlevel: medium\nlogsource: {category: process_creation, product: linux}\ndetection: {s: {${line}}, condition: s}\n${more}`;

const twin = (values: Record<string, JsonValue>) => {
  const members = Object.entries(values).map(([key, value]) => [key, { value }]);
  return evaluateTwin(
    { [configurationObjectName]: Object.fromEntries(members) as JsonObject },
    undefined,
  );
};

const builtin = (name: string, text: string) => writeFile(join(builtinDirectory, name), text);
const local = (name: string, text: string) => writeFile(join(rulesDirectory, name), text);

async function open(values: Record<string, JsonValue> = {}) {
  const settings = new Settings(twin(values));
  const warnings: string[] = [];
  const supply = await RuleSupply.open({
    builtinDirectory,
    rulesDirectory,
    settings,
    clock,
    log: { info: () => undefined, warn: (sentence) => void warnings.push(sentence) },
  });
  supplies.push(supply);
  let version = 1;
  return {
    settings,
    supply,
    warnings,
    set: async (next: Record<string, JsonValue>) => {
      settings.replace(twin(next), ++version);
      await supply.settled();
    },
    look: () => supply.look(),
    ids: () => supply.current.rules.map(({ id }) => id).sort(),
    raised: (CommandLine: string) =>
      new Detector(supply.current)
        .judge({
          logsource: { category: 'process_creation', product: 'linux' },
          fields: { CommandLine, Image: ['/usr/bin/x'] },
          timeMs: 0,
        })
        .hits.map(({ level, rule: { id, source } }) => [id, source, level]),
  };
}

describe('of the rules with one id', () => {
  it('that of the twin is in force, then that of the device, then that which the agent brings', async () => {
    await builtin(
      'a.yml',
      rule('a', 'CommandLine: builtin') + `---\n${rule('b', 'CommandLine: b')}`,
    );
    const { ids, look, raised, set, supply } = await open();
    expect(raised('builtin')).toEqual([['a', 'builtin', 'medium']]);
    await local('a.yml', rule('a', 'CommandLine: local'));
    await look();
    expect(raised('local')).toEqual([['a', 'local', 'medium']]);
    expect(raised('builtin')).toEqual([]);
    await set({ detectionRules: { mine: rule('a', 'CommandLine: twin') } });
    expect(raised('twin')).toEqual([['a', 'twin', 'medium']]);
    expect(raised('local')).toEqual([]);
    expect(ids()).toEqual(['a', 'b']);
    expect(supply.summary()).toMatchObject({
      loaded: 2,
      overridden: 2,
      sources: { builtin: 1, local: 0, twin: 1 },
    });
    await set({});
    expect(raised('local')).toEqual([['a', 'local', 'medium']]);
  });
});

describe('what a fleet sets for a rule', () => {
  const tunable = rule('a', "'CommandLine|expand': '%words%'", 'values: {words: [one]}\n');

  it('takes the place of its values, and outlives another version of the rule', async () => {
    await builtin('a.yml', tunable);
    const { look, raised, set, settings } = await open();
    expect(raised('one')).toHaveLength(1);
    await set({ detectionValues: { a: { words: ['two'] } } });
    expect([raised('one'), raised('two')].map(({ length }) => length)).toEqual([0, 1]);
    await local('new.yml', tunable.replace('title: a', 'title: A newer one'));
    await look();
    expect([raised('one'), raised('two')].map(({ length }) => length)).toEqual([0, 1]);
    expect(settings.problems).toEqual([]);
  });

  it('switches no rule off that cannot be used with it: that has its own values, and it is told', async () => {
    await builtin(
      'a.yml',
      rule('a', "'CommandLine|re|expand': '^%words%$'", 'values: {words: [one]}\n'),
    );
    const { raised, settings } = await open({ detectionValues: { a: { words: ['('] } } });
    expect(raised('one')).toHaveLength(1);
    expect(settings.findings).toMatchObject([
      {
        key: 'detectionValues',
        reason: expect.stringMatching(/With these values a\.yml, line 5 cannot be used/) as string,
      },
    ]);
  });

  it('is told where there is no such rule, and no such value', async () => {
    await builtin('a.yml', tunable);
    const { set, settings } = await open();
    const told: number[] = [];
    settings.onFindings(() => told.push(settings.problems.length));
    await set({
      detectionValues: { a: { world: ['x'] }, gone: { words: [] } },
      detectionDisabled: ['a', 'never'],
      detectionLevels: { a: 'high', nowhere: 'low' },
      detectionRules: { bad: 'title: x', good: rule('b', 'CommandLine: x') },
    });
    expect(settings.problems.map(({ key, reason }) => `${key}: ${reason}`)).toEqual([
      expect.stringMatching(/^detectionRules: detectionRules, bad, line 1: Add detection/),
      expect.stringMatching(/^detectionDisabled: .*no rule "never"/),
      expect.stringMatching(/^detectionLevels: .*no rule "nowhere"/),
      expect.stringMatching(/^detectionValues: .*no rule "gone"/),
      expect.stringMatching(/^detectionValues: .*"a" has no value "world"; it has words/),
    ]);
    expect(told).toEqual([5]);
    await set({});
    expect(settings.problems).toEqual([]);
  });

  it('is told once, however often the settings change while rules are read', async () => {
    await builtin('a.yml', tunable);
    const { set, settings } = await open();
    const told: string[][] = [];
    settings.onFindings(() => told.push(settings.findings.map(({ key }) => key)));
    void set({ detectionRules: { one: rule('b', 'CommandLine: x') } });
    // The reading has begun.
    await new Promise((resolve) => setImmediate(resolve));
    void set({ detectionLevels: { nobody: 'low' } });
    await set({ detectionLevels: { nobody: 'low' }, detectionRules: { bad: 'title: [' } });
    expect(told).toEqual([['detectionRules', 'detectionLevels']]);
  });

  it('disables it, gives it another level, and silences what is below the least', async () => {
    await builtin(
      'all.yml',
      [rule('a', 'CommandLine: x'), rule('b', 'CommandLine: x'), rule('c', 'CommandLine: x')].join(
        '---\n',
      ),
    );
    const { raised, set, supply } = await open();
    await set({
      detectionDisabled: 'a',
      detectionLevels: { b: 'critical', c: 'low' },
      detectionMinimumLevel: 'medium',
    });
    expect(raised('x')).toEqual([['b', 'builtin', 'critical']]);
    expect(supply.summary()).toMatchObject({ loaded: 1, disabled: 2 });
  });

  it('leaves alone what serves correlations, and takes with them what serves none', async () => {
    const correlation = `title: c\nid: c\nlevel: high\ncorrelation: {type: event_count, rules: [a], timespan: 1m, condition: {gte: 2}}\n`;
    await builtin('all.yml', `${rule('a', 'CommandLine: x')}---\n${correlation}`);
    const { ids, raised, set, supply } = await open({ detectionDisabled: ['a'] });
    expect(ids()).toEqual(['a']);
    expect(raised('x')).toEqual([]);
    await set({ detectionDisabled: ['c'] });
    // Nobody counts failures any more; each of them alone must not become an alert.
    expect(supply.current).toMatchObject({ rules: [], correlations: [] });
  });

  it('filters rules that the agent brings along', async () => {
    await builtin('a.yml', rule('a', "'CommandLine|contains': x"));
    const filter = `title: f\nlogsource: {category: process_creation, product: linux}\nfilter: {rules: [a], s: {CommandLine: 'x usual'}, condition: not s}\n`;
    const { raised } = await open({ detectionRules: { mine: filter } });
    expect([raised('x usual'), raised('x')].map(({ length }) => length)).toEqual([0, 1]);
  });
});

describe('a file that cannot be used', () => {
  it('is refused alone with name, line and reason, and stays what it was before', async () => {
    await local('a.yml', rule('a', 'CommandLine: x'));
    await local('b.yml', rule('b', 'CommandLine: x'));
    const { ids, look, supply } = await open();
    await local('a.yml', 'title: [\n');
    await local('c.yml', 'title: [\n');
    await look();
    expect(ids()).toEqual(['a', 'b']);
    const { refused } = supply.summary();
    expect(refused.map(({ file, line, source }) => [file, line, source])).toEqual([
      ['a.yml', 2, 'local'],
      ['c.yml', 2, 'local'],
    ]);
    expect(refused[0]?.reason).toContain('as it was before stays in force');
    await rm(join(rulesDirectory, 'a.yml'));
    await look();
    expect(ids()).toEqual(['b']);
  });

  it('is one that others may write', async () => {
    await local('a.yml', rule('a', 'CommandLine: x'));
    await chmod(join(rulesDirectory, 'a.yml'), 0o666);
    const { ids, supply } = await open();
    expect(ids()).toEqual([]);
    expect(supply.summary().refused[0]?.reason).toContain('chmod o-w');
  });

  it('is none where there is no directory of the device; without that of the agent the others are in force', async () => {
    await local('a.yml', rule('a', 'CommandLine: x'));
    await rm(builtinDirectory, { recursive: true });
    const { ids, supply, warnings } = await open();
    expect(ids()).toEqual(['a']);
    expect(warnings.join()).toContain('does not exist');
    expect(supply.reported()).toMatchObject({
      problem: expect.stringContaining('does not exist') as string,
    });
    await rm(rulesDirectory, { recursive: true });
    await mkdir(builtinDirectory);
    expect((await open()).supply.summary()).toMatchObject({ loaded: 0, problem: undefined });
  });
});

it('a change of the files of the device is noticed within a minute', async () => {
  const { ids, supply } = await open();
  await local('a.yml', rule('a', 'CommandLine: x'));
  const changed = new Promise((resolve) => supply.onChange(resolve));
  await clock.advance(60_000);
  await changed;
  expect(ids()).toEqual(['a']);
});

it('without detection there are no rules, and with it there are again', async () => {
  await builtin('a.yml', rule('a', 'CommandLine: x'));
  const { ids, set, supply } = await open({ detectionEnabled: false });
  const seen: number[] = [];
  supply.onChange(({ rules }) => seen.push(rules.length));
  expect(ids()).toEqual([]);
  await set({});
  await set({ detectionEnabled: false, detectionDisabled: ['nothing'] });
  expect(seen).toEqual([1, 0]);
});

it('what is reported of the settings is short, and the same in whatever order a hub hands it on', () => {
  const told = (values: Record<string, JsonValue>) =>
    settingsInForce(twin(values).reported, () => true);
  const rules = { b: 'title: b', a: 'title: a' };
  const { detectionDisabled, detectionRules, detectionLevels } = told({
    detectionRules: rules,
    detectionDisabled: ['a', 'b'],
  });
  expect(detectionDisabled).toEqual({ value: 'a, b' });
  expect(detectionLevels).toBeNull();
  expect(detectionRules).toEqual({
    value: expect.stringMatching(/^2 members, sha256 [0-9a-f]{16}$/) as string,
  });
  const { a, b } = rules;
  expect(told({ detectionRules: { a, b } })['detectionRules']).toEqual(detectionRules);
  expect(told({ detectionRules: { a, b: a } })['detectionRules']).not.toEqual(detectionRules);
});

it('the hash is that of what is in force', async () => {
  await builtin('a.yml', rule('a', 'CommandLine: x'));
  const one = await open();
  const { hash } = one.supply.summary();
  expect(hash).toMatch(/^[0-9a-f]{16}$/);
  expect((await open()).supply.summary().hash).toBe(hash);
  await one.set({ detectionDisabled: ['a'] });
  expect(one.supply.summary().hash).not.toBe(hash);
});

describe('the alerts that fleets defined by lists and numbers', () => {
  it('are rules by the settings', async () => {
    const { supply } = await open({
      detectionAllowedProcesses: ['/usr/bin/*'],
      detectionAllowedUsers: 'anna, svc-*',
      detectionAllowedAddresses: ['10.0.0.0/8', '192.0.2.7'],
      detectionMaximumFailedLogins: 2,
      detectionFailedLoginsWindow: 'PT1M',
      detectionMaximumConnections: 1,
    });
    expect(supply.summary()).toMatchObject({ refused: [], needing: 0 });
    const detector = new Detector(supply.current);
    const product = 'linux';
    let timeMs = 0;
    const judge = (category: string, fields: Record<string, string | string[]>, service?: string) =>
      detector
        .judge({
          logsource: { category, product, ...(service !== undefined && { service }) },
          fields,
          timeMs: (timeMs += 1000),
        })
        .hits.map(({ rule: { alertType, source } }) => `${source} ${alertType ?? ''}`);
    const start = (...Image: string[]) => judge('process_creation', { Image });
    expect(start('/usr/bin/id')).toEqual([]);
    expect(start('/tmp/x')).toEqual(['twin IoT_CA_ProcessNotAllowed']);
    expect(start('/usr/bin/python3', '/tmp/x.py')).toEqual([]);
    const login = (UserName: string, Result = 'Success', Operation = 'login') =>
      judge('login', { UserName, Result, Operation }, 'iot-security-agent');
    expect([login('anna'), login('svc-1'), login('eve', 'Success', 'logout')].flat()).toEqual([]);
    expect(login('eve')).toEqual(['twin IoT_CA_LocalUserNotAllowed']);
    expect([login('eve', 'Fail'), login('x', 'Fail'), login('y', 'Fail')]).toEqual([
      [],
      [],
      ['twin IoT_CA_FailedLocalLoginsNotInAllowedRange'],
    ]);
    const connect = (DestinationIp: string, Initiated = 'true') =>
      judge('network_connection', { DestinationIp, Initiated });
    expect(connect('10.1.2.3')).toEqual([]);
    expect(connect('192.0.2.8').sort()).toEqual([
      'twin IoT_CA_ActiveConnectionsNotInAllowedRange',
      'twin IoT_CA_ConnectionToIpNotAllowed',
    ]);
    expect([connect('127.0.0.1'), connect('192.0.2.7')].flat()).not.toContain(
      'twin IoT_CA_ConnectionToIpNotAllowed',
    );
  });

  it('with a wrong value are told by the name of the setting', async () => {
    const { settings } = await open({ detectionAllowedAddresses: ['10.0.0.0/8', 'router'] });
    expect(settings.problems).toMatchObject([
      {
        key: 'detectionAllowedAddresses',
        reason: expect.stringContaining('Write "router" as an address range') as string,
      },
    ]);
  });
});

it('no value of the twin throws, and what is told is bounded', async () => {
  await builtin('a.yml', rule('a', "'CommandLine|expand': '%words%'", 'values: {words: [one]}\n'));
  const { set, settings, supply } = await open();
  const name = fc.constantFrom('a', 'b', 'constructor', '__proto__', 'toString', 'é');
  const text = fc.oneof(
    fc.constantFrom('title: x', rule('b', 'CommandLine: x'), '- [', '&a [*a]', '%words%', '*', ''),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
  );
  const value = fc.record(
    {
      detectionValues: fc.dictionary(name, fc.dictionary(name, fc.array(text, { maxLength: 3 }))),
      detectionRules: fc.dictionary(name, text),
      detectionDisabled: fc.array(fc.oneof(name, text), { maxLength: 4 }),
      detectionLevels: fc.dictionary(name, fc.constantFrom('low', 'high', 'bad')),
      detectionAllowedAddresses: fc.array(text, { maxLength: 3 }),
      detectionAllowedProcesses: fc.array(text, { maxLength: 3 }),
      detectionMaximumConnections: fc.integer({ min: -1, max: 3000 }),
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(value, async (values) => {
      await set(values);
      expect(supply.summary().problem).toBeUndefined();
      expect(settings.problems.length).toBeLessThanOrEqual(40);
      for (const { reason } of settings.problems) expect(reason.length).toBeLessThanOrEqual(200);
      expect(JSON.stringify(supply.reported()).length).toBeLessThan(4096);
    }),
    { numRuns: 60 },
  );
});
