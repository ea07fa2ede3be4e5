import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { judge } from '../../agent/status/health.js';
import { prometheusText } from '../../agent/status/metrics.js';
import { isJsonObject, parseJson } from '../../base/json.js';
import { evaluateTwin } from '../../config/evaluate-twin.js';
import { parseLocalSettings } from '../../config/parse-local-settings.js';
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

it('the example of a local configuration can be used', () => {
  expect(parseLocalSettings(read('agent.json'), 'agent.json')).toHaveProperty('settings');
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
