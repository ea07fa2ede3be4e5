import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { SecurityPosture } from '../../../agent/posture/security-posture.js';
import type { CollectorState } from '../../../agent/runner/collector-state.js';
import type { JsonObject } from '../../../base/json.js';
import { evaluateTwin } from '../../../config/evaluate-twin.js';
import { toPayloads } from '../../../collectors/firewall-configuration/rules/payloads.js';
import type { Chain } from '../../../collectors/firewall-configuration/rules/chain.js';
import { unfilteredHooks } from '../../../collectors/firewall-configuration/unfiltered.js';
import type { Payload } from '../../../contract/events.js';
import { FakeClock } from '../../support/fake-clock.js';
import { desired } from '../../support/running-agent.js';

let clock: FakeClock;
let states: Record<string, CollectorState>;
let changes: boolean[];
let problems: string[];
let settings: { current: ReturnType<typeof evaluateTwin>['settings'] };
let posture: SecurityPosture;

const fresh = (): SecurityPosture =>
  new SecurityPosture({
    clock,
    settings,
    states: () => states,
    health: () => ({ health: problems.length === 0 ? 'healthy' : 'degraded', problems }),
    onChange: (urgent) => void changes.push(urgent),
  });

const set = (values: Parameters<typeof desired>[0]): void => {
  settings.current = evaluateTwin(desired(values), undefined).settings;
};

beforeEach(() => {
  clock = new FakeClock();
  changes = [];
  problems = [];
  states = Object.fromEntries(
    ['OSBaseline', 'ListeningPorts', 'LocalUsers', 'FirewallConfiguration'].map((name) => [
      name,
      { state: 'running' },
    ]),
  );
  settings = { current: evaluateTwin({}, undefined).settings };
  posture = fresh();
});

const port = (
  Protocol: 'tcp' | 'tcp6' | 'udp',
  LocalAddress: string,
  LocalPort: string,
): Payload => ({ Protocol, LocalAddress, LocalPort });

const user = (UserName: string, details: Record<string, string>): Payload => ({
  UserId: '1',
  UserName,
  GroupIds: '',
  GroupNames: '',
  ExtraDetails: details,
});

const failure = (CheckId: string, Severity: string): Payload =>
  ({ Result: 'Fail', Severity, CceId: '1.1', ExtraDetails: { CheckId } }) as unknown as Payload;

const notKnown = { state: 'notKnown' };

function chain(hook: string, verdict: 'accept' | 'drop', rules: Chain['rules'] = []): Chain {
  return {
    table: 'inet filter',
    name: hook,
    base: { hook, type: 'filter', policy: verdict },
    enabled: true,
    rules,
    leadsTo: new Set(rules.flat().flatMap(({ verdict: { written } }) => written?.slice(5) ?? [])),
  };
}

const rule = (kind: 'accept' | 'deny' | 'other', written?: string): Chain['rules'][number] => [
  { verdict: { kind, ...(written !== undefined && { written }) }, fields: {}, details: {} },
];

function firewall(chains: readonly Chain[]): JsonObject {
  const payloads = [...toPayloads(chains), ...unfilteredHooks(chains, ['ip', 'ip6'])];
  posture.took('FirewallConfiguration', payloads);
  return posture.document()['firewall'] as JsonObject;
}

describe('the posture', () => {
  it('says that nothing is known before anything was found, and after it cannot be found any more', () => {
    expect(posture.document()).toMatchObject({
      baseline: notKnown,
      listeners: notKnown,
      users: notKnown,
      firewall: notKnown,
      updates: notKnown,
    });
    states['SoftwareInventory'] = {
      state: 'running',
      counters: { packages: 9, rebootRequired: 1 },
    };
    expect(posture.document()['updates']).toEqual({ state: 'notKnown', rebootRequired: true });
    posture.took('ListeningPorts', []);
    expect(posture.document()['listeners']).toMatchObject({ state: 'known', anyAddressTcp: 0 });
    states['ListeningPorts'] = { state: 'failing' };
    expect(posture.document()['listeners']).toEqual(notKnown);
  });

  it('counts the open ports of a transport, each once whatever the family', () => {
    posture.took('ListeningPorts', [
      port('tcp', '0.0.0.0', '22'),
      port('tcp6', '::', '22'),
      port('tcp', '127.0.0.1', '631'),
      port('udp', '0.0.0.0', '68'),
    ]);
    expect(posture.document()['listeners']).toEqual({
      state: 'known',
      anyAddressTcp: 1,
      anyAddressUdp: 1,
    });
  });

  it('counts users who can log in with a password, and names none', () => {
    posture.took('LocalUsers', [
      user('root', { Shell: '/bin/bash', Password: 'locked' }),
      user('anna', { Shell: '', Password: 'set' }),
      user('anna', { Shell: '/bin/sh', Password: 'set', SameName: 'true' }),
      user('guest', { Shell: '/bin/sh', Password: 'empty' }),
      user('www', { Shell: '/usr/sbin/nologin', Password: 'set' }),
    ]);
    expect(posture.document()['users']).toEqual({
      state: 'known',
      shellAndPassword: 1,
      shellAndEmptyPassword: 1,
    });
    expect(JSON.stringify([posture.document(), posture.memory()])).not.toMatch(/anna|guest|www/);
    posture.took('LocalUsers', [user('anna', { Shell: '/bin/sh', PasswordKnown: 'false' })]);
    expect(posture.document()['users']).toEqual(notKnown);
  });

  it('tells the score of the baseline and what failed, by severity', () => {
    states['OSBaseline'] = {
      state: 'running',
      counters: { passed: 5, failed: 3, errors: 1, notApplicable: 9 },
    };
    posture.took('OSBaseline', [
      failure('ssh-root', 'Critical'),
      failure('b', 'Warning'),
      failure('a', 'Warning'),
    ]);
    expect(posture.document()['baseline']).toEqual({
      state: 'known',
      scorePercent: 62,
      passed: 5,
      judged: 8,
      notJudged: 1,
      failed: { Critical: { count: 1, ids: 'ssh-root' }, Warning: { count: 2, ids: 'a, b' } },
    });
  });

  it('tells a firewall that keeps something out from one that is there and lets all in', () => {
    const others = [chain('forward', 'drop'), chain('output', 'drop')];
    expect(firewall([])).toEqual({ state: 'off', ip: 'off', ip6: 'off' });
    expect(firewall([chain('input', 'accept'), ...others])['state']).toBe('off');
    expect(firewall([chain('input', 'drop')])['state']).toBe('on');
    expect(firewall([chain('input', 'accept', [rule('deny')])])['state']).toBe('on');
    const web: Chain = { ...chain('web', 'accept', [rule('deny')]), name: 'web' };
    const { base, ...shared } = web;
    expect(base?.hook).toBe('web');
    // A chain that packets of several ways pass has no direction of its own.
    const jumps = ['input', 'forward'].map((hook) =>
      chain(hook, 'accept', [rule('other', 'jump web')]),
    );
    expect(firewall([...jumps, shared])['state']).toBe('on');
    const forwards = [
      chain('input', 'accept'),
      chain('forward', 'accept', [rule('other', 'jump web')]),
    ];
    expect(firewall([...forwards, shared])['state']).toBe('off');
    const ip4 = { ...chain('input', 'drop'), table: 'ip filter' };
    expect(firewall([ip4])).toEqual({ state: 'partly', ip: 'on', ip6: 'off' });
  });

  it('never takes a firewall for switched off of which not all was seen or understood', () => {
    const accepts = [chain('input', 'accept')];
    states['FirewallConfiguration'] = { state: 'running', limitation: 'Not seen: iptables.' };
    expect(firewall(accepts)['state']).toBe('notKnown');
    expect(firewall([chain('input', 'drop')])['state']).toBe('on');
    states['FirewallConfiguration'] = { state: 'running' };
    const odd = [
      [{ verdict: { kind: 'other' as const }, fields: {}, details: { Expression: 'x' } }],
    ];
    expect(firewall([chain('input', 'accept', odd)])['state']).toBe('notKnown');
  });

  it('leaves out what the settings switch off', () => {
    set({ eventPriorityLocalUsers: 'Off', eventPriorityOSBaseline: 'Off' });
    expect(Object.keys(posture.document())).toEqual(['listeners', 'firewall', 'updates', 'agent']);
  });

  it('is sent at once when it is complete for the first time, and without hurry afterwards', () => {
    for (const name of ['OSBaseline', 'ListeningPorts', 'LocalUsers'] as const)
      posture.took(name, []);
    states['FirewallConfiguration'] = { state: 'unavailable', limitation: 'no nft' };
    posture.took('OSBaseline', []);
    expect(changes.filter(Boolean)).toHaveLength(1);
    changes = [];
    posture.took('ListeningPorts', []);
    expect(changes).toEqual([]);
    posture.took('ListeningPorts', [port('tcp', '::', '80')]);
    expect(changes).toEqual([false]);
  });

  it('looks once a minute whether a collector fails or the agent suffers', async () => {
    posture.start();
    posture.took('ListeningPorts', []);
    const { changedUtc } = posture.document();
    changes = [];
    problems = ['disk', 'loss', 'loss'];
    await clock.advance(60_000);
    expect(changes).toEqual([false]);
    expect(posture.document()).toMatchObject({
      agent: { health: 'degraded', problems: 'disk, loss' },
      changedUtc,
    });
    states['ListeningPorts'] = { state: 'failing' };
    await clock.advance(60_000);
    expect(changes).toEqual([false, false]);
    expect(posture.document()['changedUtc']).not.toBe(changedUtc);
    posture.stop();
  });

  it('holds what an earlier run found, with the time of its last change', async () => {
    posture.took('ListeningPorts', [port('tcp', '::', '80')]);
    const before = posture.document();
    const memory = JSON.parse(JSON.stringify(posture.memory())) as JsonObject;
    await clock.advance(3_600_000);
    posture = fresh();
    posture.restore(memory);
    expect(posture.document()).toEqual(before);
    posture.took('ListeningPorts', [port('tcp', '::', '80')]);
    expect(posture.document()).toEqual(before);
  });

  it('takes whatever lies in the file of an earlier run, and stays within its 1.5 KB', () => {
    const anyFailures = fc.array(
      fc.tuple(
        fc.oneof(
          fc.string({ maxLength: 80 }),
          fc.constantFrom('x'.repeat(48), 'ä\u0000€'.repeat(30)),
        ),
        fc.constantFrom('Critical', 'Important', 'Warning', 'Informational'),
      ),
      { maxLength: 50 },
    );
    fc.assert(
      fc.property(anyFailures, fc.jsonValue(), (failures, stored) => {
        posture = fresh();
        posture.restore(stored as JsonObject);
        problems = [
          'unacknowledged',
          'collector',
          'blinded',
          'loss',
          'rejected',
          'disk',
          'log',
          'certificate',
        ];
        states['OSBaseline'] = {
          state: 'running',
          counters: { passed: 1e6, failed: failures.length, errors: 1e6 },
        };
        posture.took(
          'OSBaseline',
          failures.map(([id, severity]) => failure(id, severity)),
        );
        posture.took('ListeningPorts', [port('tcp', '::', '80')]);
        posture.took('LocalUsers', [user('anna', { Shell: '', Password: 'set' })]);
        firewall([]);
        expect(Buffer.byteLength(JSON.stringify(posture.document()))).toBeLessThanOrEqual(1536);
      }),
      { numRuns: 20 },
    );
  });
});
