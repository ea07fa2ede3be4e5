import { describe, expect, test } from 'vitest';
import { securityEvent } from '../../../agent/pipeline/event.js';
import { checkPayload } from '../../../contract/payload-check.js';
import { SchemaCheck } from '../../../local-hub/hub/schema-check.js';
import { captured, lines, toldOf } from './told.js';

const cases = [
  'nft-0.9.8',
  'nft-1.0.6',
  'nft-1.1.3',
  'ufw',
  'firewalld',
  'docker',
  'openwrt-fw4',
  'iptables-legacy',
  'iptables-nft',
];

describe.each(cases)('%s', (name) => {
  test('every rule is told as a person reads it', async () => {
    expect(lines(await toldOf(name))).toBe(captured(name, 'expected.txt'));
  });

  test('all of it is valid under the public schema', async () => {
    const payloads = await toldOf(name);
    expect(payloads.map((payload) => checkPayload('FirewallConfiguration', payload))).toEqual(
      payloads.map(() => undefined),
    );
    const message = {
      AgentVersion: '0.1.0',
      AgentId: '9c647395-b913-4997-a732-a7fe7303b649',
      MessageSchemaVersion: '1.0',
      Events: [securityEvent({ name: 'FirewallConfiguration', payloads, timeMs: 0 })],
    };
    expect(new SchemaCheck().problems(message)).toEqual([]);
  });

  test('the places in each chain begin at 0 and leave none out', async () => {
    const places = new Map<string, number[]>();
    for (const { ChainName = '', ExtraDetails = {}, Priority = -1 } of await toldOf(name)) {
      const key = `${ExtraDetails['Backend']} ${ExtraDetails['Table']} ${ChainName}`;
      places.set(key, [...(places.get(key) ?? []), Priority]);
    }
    for (const found of places.values()) {
      const distinct = [...new Set(found)];
      expect(found).toEqual([...found].sort((a, b) => a - b));
      expect(distinct).toEqual(distinct.map((_, index) => index));
    }
  });
});

test('the same rules of iptables are told alike by both back ends, but for their order and where nft adds a place', async () => {
  const rows = async (name: string) =>
    lines(await toldOf(name))
      .replaceAll(/ \| HookPriority: -?\d+/g, '')
      .replaceAll(/ \| Backend: \w+/g, '')
      .trim()
      .split('\n')
      .sort();
  const legacy = await rows('iptables-legacy');
  // The legacy tables have a base chain at every hook, even where it holds no rule.
  expect(legacy).toEqual(expect.arrayContaining(await rows('iptables-nft')));
});
