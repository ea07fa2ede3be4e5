import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { judge } from '../../agent/status/health.js';
import { prometheusText } from '../../agent/status/metrics.js';
import { standardModuleId } from '../../agent/identity/credentials/credentials.js';
import { builtinRulesDirectory } from '../../agent/rule-supply/places.js';
import { RuleSupply } from '../../agent/rule-supply/rule-supply.js';
import { SecurityPosture } from '../../agent/posture/security-posture.js';
import { isJsonObject, parseJson, type JsonObject, type JsonValue } from '../../base/json.js';
import { evaluateTwin } from '../../config/evaluate-twin.js';
import { Settings } from '../../config/settings.js';
import { parseLocalSettings } from '../../config/parse-local-settings.js';
import { FakeClock } from '../support/fake-clock.js';
import { soundFacts } from '../support/status-facts.js';

const examples = join(import.meta.dirname, '..', '..', 'examples');
const read = (path: string): string => readFileSync(join(examples, path), 'utf8');

describe('an example of a twin', () => {
  it.each(readdirSync(join(examples, 'twins')))('%s is in force as it is written', (name) => {
    const desired = parseJson(read(join('twins', name)));
    if (!isJsonObject(desired)) expect.unreachable('no object');
    const { problems, reported, unknownKeys } = evaluateTwin(desired, undefined);
    expect(problems).toEqual([]);
    expect(unknownKeys).toEqual([]);
    expect(reported).toMatchObject(Object.values(desired)[0] as object);
  });
});

it('the rules of the example of a twin can be used, and what is tuned is there', async () => {
  const desired = parseJson(read('twins/detection.json'));
  if (!isJsonObject(desired)) expect.unreachable('no object');
  const settings = new Settings(evaluateTwin(desired, undefined));
  const supply = await RuleSupply.open({
    builtinDirectory: builtinRulesDirectory(),
    rulesDirectory: join(examples, 'none'),
    settings,
    clock: new FakeClock(),
    log: { info: () => undefined, warn: () => undefined },
  });
  supply.close();
  expect(settings.findings).toEqual([]);
  expect(supply.summary()).toMatchObject({ refused: [], sources: { twin: 5 } });
});

it('the example of a local configuration can be used', () => {
  expect(parseLocalSettings(read('agent.json'), 'agent.json')).toHaveProperty('settings');
});

/** Of the query language of twins what the examples use: comparisons joined by AND; a member that is not there is never equal. */
function selects(query: string, module: JsonObject): boolean {
  const [, condition = ''] =
    /^SELECT .*?FROM devices\.modules WHERE (.*?)(?: GROUP BY .*)?$/.exec(
      query.trim().replace(/\s+/g, ' '),
    ) ?? [];
  return condition.split(' AND ').every((term) => {
    const [, path = '', operator = '', text, number] =
      /^([\w.]+) (=|!=|<|>) (?:'([^']*)'|(\d+))$/.exec(term) ?? [];
    const found = path
      .split('.')
      .reduce<JsonValue | undefined>(
        (at, name) => (isJsonObject(at) ? at[name] : undefined),
        module,
      );
    const wanted = number === undefined ? text : Number(number);
    if (wanted === undefined) throw new Error(`not understood: ${term}`);
    if (typeof found !== typeof wanted) return false;
    const order = (found as string | number) < wanted ? '<' : found === wanted ? '=' : '>';
    return operator === '!=' ? order !== '=' : order === operator;
  });
}

/** The posture of a device as an agent reports it. */
function reportedBy(device: 'open' | 'closed' | 'not known'): JsonObject {
  const isOpen = device === 'open';
  const counters = isOpen ? { passed: 1, failed: 1 } : { passed: 9, failed: 1 };
  const posture = new SecurityPosture({
    clock: new FakeClock(),
    settings: { current: evaluateTwin({}, undefined).settings },
    states: () => ({
      OSBaseline: { state: 'running', counters },
      ...(device !== 'not known' && {
        SoftwareInventory: {
          state: 'running',
          counters: { updates: 2, securityUpdates: isOpen ? 1 : 0 },
        },
      }),
    }),
    health: () =>
      isOpen ? { health: 'degraded', problems: ['loss'] } : { health: 'healthy', problems: [] },
    onChange: () => undefined,
  });
  const failure = {
    Result: 'Fail',
    Description: '',
    CceId: '1',
    Error: '',
    Severity: isOpen ? 'Critical' : 'Warning',
  } as const;
  const port = { Protocol: 'tcp', LocalAddress: isOpen ? '::' : '::1', LocalPort: '23' } as const;
  const user = {
    UserId: '1',
    UserName: 'anna',
    GroupIds: '',
    GroupNames: '',
    ExtraDetails: { Shell: '/bin/sh', Password: isOpen ? 'empty' : 'set' },
  };
  const entry = {
    Enabled: true,
    Direction: 'In',
    Action: isOpen ? 'Allow' : 'Deny',
    ExtraDetails: { Table: 'ip', Hook: 'input' },
  } as const;
  if (device !== 'not known') {
    posture.took('OSBaseline', [failure]);
    posture.took('ListeningPorts', [port]);
    posture.took('LocalUsers', [user]);
    posture.took('FirewallConfiguration', [entry]);
  }
  const reported = {
    securityPosture: posture.document(),
    agentStatus: {
      lastSeen: isOpen ? '2026-11-28T09:59:59.999Z' : '2026-11-28T10:00:00.000Z',
    },
  };
  return { deviceId: 'd', moduleId: standardModuleId, properties: { reported } };
}

describe('a query of the examples', () => {
  const queries = readdirSync(join(examples, 'queries'));
  const page = readFileSync(join(examples, '..', 'docs', 'posture.md'), 'utf8');

  it.each(queries)('%s selects the device that it is about, and no other', (name) => {
    expect(page).toContain(`\`${name}\``);
    const query = read(join('queries', name));
    expect(selects(query, reportedBy('open'))).toBe(true);
    if (query.includes('GROUP BY')) return;
    expect(selects(query, reportedBy('closed'))).toBe(false);
    expect(selects(query, reportedBy('not known'))).toBe(false);
  });
});

it('the rules for Prometheus ask for metrics that there are', () => {
  const loss = { dropped: { total: 1, lastHour: 1 } };
  const text = prometheusText(judge({ ...soundFacts, losses: { high: loss } }));
  const there = new Set([...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name));
  const asked = [...read('prometheus-rules.yml').matchAll(/\biot_security_agent_\w+/g)];
  expect(asked.length).toBeGreaterThan(3);
  for (const [name] of asked) expect(there).toContain(name);
});

it('the example of a route asks for the security module', () => {
  const routes = parseJson(read('hub-routes.json'));
  expect(JSON.stringify(routes)).toContain("$connectionModuleId = 'azureiotsecurity'");
});
