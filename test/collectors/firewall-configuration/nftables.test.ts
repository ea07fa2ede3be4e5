import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseRuleset } from '../../../collectors/firewall-configuration/nftables/ruleset.js';
import { toPayloads } from '../../../collectors/firewall-configuration/rules/payloads.js';
import { checkPayload } from '../../../contract/payload-check.js';
import type { Told } from './told.js';

const meta = { metainfo: { version: '1.1.3', json_schema_version: 1 } };
const table = { table: { family: 'inet', name: 'filter', handle: 1 } };
const input = {
  chain: {
    family: 'inet',
    table: 'filter',
    name: 'input',
    type: 'filter',
    hook: 'input',
    prio: 0,
    policy: 'drop',
  },
};
const rule = (...expr: unknown[]) => ({
  rule: { family: 'inet', table: 'filter', chain: 'input', expr },
});
const match = (left: unknown, right: unknown, op = '==') => ({ match: { op, left, right } });
const payload = (protocol: string, field: string) => ({ payload: { protocol, field } });

async function told(...objects: unknown[]): Promise<Told[]> {
  const answer = JSON.stringify({ nftables: [meta, table, input, ...objects] });
  return toPayloads((await parseRuleset(answer)).chains);
}

/** Of one rule in the chain `input`. */
async function ofRule(...expr: unknown[]): Promise<Told[]> {
  return (await told(rule(...expr))).filter(({ Priority }) => Priority === 0);
}

describe('a rule of nftables', () => {
  test('that hands packets to a program or to a flow table decides nothing, and says so', async () => {
    expect((await ofRule({ queue: { num: { range: [1, 3] }, flags: 'bypass' } }))[0]).toMatchObject(
      {
        Action: 'Other',
        ExtraDetails: { Verdict: 'queue num 1-3 bypass' },
      },
    );
    expect((await ofRule({ flow: { op: 'add', flowtable: '@ft' } }))[0]).toMatchObject({
      Action: 'Other',
      ExtraDetails: { Verdict: 'flow add @ft' },
    });
  });

  test('with a statement that nobody knows allows nothing, whatever its verdict', async () => {
    const [entry] = await ofRule({ divert: { into: 'a tunnel' } }, { accept: null });
    expect(entry?.Action).toBe('Other');
    expect(entry?.ExtraDetails).toMatchObject({
      Verdict: 'accept',
      Expression: '{"divert":{"into":"a tunnel"}}',
    });
  });

  test('with a match that nobody knows allows nothing', async () => {
    const [entry] = await ofRule(match({ aura: { key: 'colour' } }, 'blue'), { accept: null });
    expect(entry?.Action).toBe('Other');
    expect(entry?.ExtraDetails?.['Expression']).toBe('{"aura":{"key":"colour"}} blue');
  });

  test('with a map that stands for all the rest is told as a whole', async () => {
    const data = {
      set: [
        [22, { accept: null }],
        ['*', { drop: null }],
      ],
    };
    const entries = await ofRule({ vmap: { key: payload('tcp', 'dport'), data } });
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({
      Action: 'Other',
      ExtraDetails: { Expression: 'tcp dport vmap { 22 : accept, * : drop }' },
    });
  });

  test('with more combinations than are told one by one is told as a whole', async () => {
    const set = Array.from({ length: 65 }, (_, n) => ({ concat: [`10.0.0.${n}`, n + 1] }));
    const keys = { concat: [payload('ip', 'saddr'), payload('tcp', 'dport')] };
    const [entry, ...others] = await ofRule(match(keys, { set }), { accept: null });
    expect(others).toEqual([]);
    expect(entry?.Action).toBe('Other');
    expect(entry?.ExtraDetails?.['Expression']).toMatch(/^ip saddr \. tcp dport .*33 more/);
    const few = await ofRule(match(keys, { set: set.slice(0, 64) }), { accept: null });
    expect(few).toHaveLength(64);
    expect(few[63]).toMatchObject({ SourceAddress: '10.0.0.63', DestinationPort: '64' });
  });

  test('that excludes combinations is told as a whole', async () => {
    const keys = { concat: [payload('ip', 'saddr'), payload('tcp', 'dport')] };
    const set = [{ concat: ['10.0.0.1', 22] }];
    const [entry] = await ofRule(match(keys, { set }, '!='), { accept: null });
    expect(entry?.Action).toBe('Other');
    expect(entry?.SourceAddress).toBeUndefined();
  });

  test('that compares ports gives the range', async () => {
    for (const [op, range] of Object.entries({
      '<': '0-79',
      '<=': '0-80',
      '>': '81-65535',
      '>=': '80-65535',
    })) {
      const [entry] = await ofRule(match(payload('udp', 'dport'), 80, op), { drop: null });
      expect(entry).toMatchObject({ DestinationPort: range, Protocol: 'udp', Action: 'Deny' });
    }
  });

  test('never looks wider than it is: a second condition on a field is told beside it', async () => {
    const [entry] = await ofRule(
      match(payload('ip', 'saddr'), { prefix: { addr: '10.0.0.0', len: 8 } }),
      match(payload('ip', 'saddr'), '10.0.0.1', '!='),
      { accept: null },
    );
    expect(entry).toMatchObject({
      SourceAddress: '10.0.0.0/8',
      ExtraDetails: { Match: 'ip saddr != 10.0.0.1' },
    });
  });
});

test('a large set is told with its first elements, and how many there are', async () => {
  const elem = Array.from({ length: 5000 }, (_, n) => `10.0.${n >> 8}.${n & 255}`);
  const set = { set: { family: 'inet', table: 'filter', name: 'many', type: 'ipv4_addr', elem } };
  const [entry] = await told(set, rule(match(payload('ip', 'saddr'), '@many'), { drop: null }));
  expect(entry?.SourceAddress).toBe('@many');
  expect(entry?.ExtraDetails?.['Sets']).toMatch(/^@many \{ 10\.0\.0\.0, .*, … 4968 more \}$/);
});

test('a chain that no base chain leads to is told, and that it is never asked', async () => {
  const lonely = { chain: { family: 'inet', table: 'filter', name: 'lonely' } };
  const inside = {
    rule: { family: 'inet', table: 'filter', chain: 'lonely', expr: [{ accept: null }] },
  };
  const [, entry] = await told(lonely, inside);
  expect(entry).toMatchObject({
    ChainName: 'lonely',
    Enabled: false,
    ExtraDetails: { Reached: 'false' },
  });
  const jump = rule({ jump: { target: 'lonely' } });
  const reached = (await told(lonely, jump, inside)).find(
    ({ ChainName }) => ChainName === 'lonely',
  );
  expect(reached).toMatchObject({ Enabled: true, Action: 'Allow', Direction: 'In' });
});

test('chains that lead to each other in a circle, which no kernel takes, are told', async () => {
  const chain = (name: string) => ({ chain: { family: 'inet', table: 'filter', name } });
  const jump = (from: string, target: string) => ({
    rule: { family: 'inet', table: 'filter', chain: from, expr: [{ jump: { target } }] },
  });
  const entries = await told(
    chain('a'),
    chain('b'),
    jump('input', 'a'),
    jump('a', 'b'),
    jump('b', 'a'),
  );
  expect(entries).toHaveLength(4);
});

test('an expression nested beyond all measure is told as one that is not understood', async () => {
  const deep = `${'[{"match":'.repeat(100_000)}1${'}]'.repeat(100_000)}`;
  const rules = `{"rule":{"family":"inet","table":"filter","chain":"input","expr":${deep}}}`;
  const objects = [meta, table, input].map((object) => JSON.stringify(object));
  const { chains } = await parseRuleset(`{"nftables":[${[...objects, rules].join(',')}]}`);
  expect(toPayloads(chains)[0]).toMatchObject({ Action: 'Other', Priority: 0 });
});

test('an answer of another kind is refused with a reason', async () => {
  await expect(parseRuleset('')).rejects.toThrow('The answer of nft is not JSON.');
  await expect(parseRuleset('{}')).rejects.toThrow('has no list "nftables"');
  await expect(
    parseRuleset('{"nftables":[{"metainfo":{"json_schema_version":2}}]}'),
  ).rejects.toThrow('has the version 2, not 1');
});

test.each([2000, 5000])(
  '%i rules are told each, in order, and none is larger than it must be',
  async (count) => {
    const rules = Array.from({ length: count }, (_, n) =>
      rule(
        match(payload('ip', 'saddr'), `10.1.${n >> 8}.${n & 255}`),
        match(payload('tcp', 'dport'), (n % 65_535) + 1),
        { counter: { packets: n, bytes: n } },
        { accept: null },
      ),
    );
    const entries = await told(...rules);
    expect(entries.map(({ Priority }) => Priority)).toEqual(
      Array.from({ length: count + 1 }, (_, n) => n),
    );
    expect(entries[count - 1]).toEqual({
      Priority: count - 1,
      Direction: 'In',
      ChainName: 'input',
      Enabled: true,
      Action: 'Allow',
      SourceAddress: `10.1.${(count - 1) >> 8}.${(count - 1) & 255}`,
      Protocol: 'tcp',
      DestinationPort: String(count),
      ExtraDetails: { Table: 'inet filter' },
    });
  },
);

describe('whatever stands in the answer', () => {
  const known = [
    'match',
    'vmap',
    'payload',
    'meta',
    'ct',
    'set',
    'concat',
    'range',
    'prefix',
    'elem',
    'val',
    'key',
    'data',
  ]
    .concat([
      'left',
      'right',
      'op',
      'accept',
      'drop',
      'jump',
      'target',
      'limit',
      'log',
      'reject',
      'counter',
      'fib',
      'flags',
    ])
    .concat([
      'protocol',
      'field',
      'addr',
      'len',
      'map',
      'mangle',
      'value',
      'dnat',
      'xt',
      'quota',
      'meter',
      'stmt',
      '&',
      '|',
    ]);
  const values = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(
        'tcp',
        'dport',
        'saddr',
        'ip',
        'state',
        '@many',
        '@',
        '*',
        '==',
        '!=',
        'in',
        '__proto__',
      ),
      fc.integer(),
      fc.constantFrom(null, true, false),
      fc.string({ maxLength: 8 }),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom(...known), tie('value'), { maxKeys: 3 }),
    ),
  })).value;
  const statement = fc.dictionary(fc.constantFrom(...known), values, { minKeys: 1, maxKeys: 2 });

  test('each rule gives an entry at its place, valid, and bounded', async () => {
    const rules = fc.array(fc.array(fc.oneof(statement, values), { maxLength: 5 }), {
      maxLength: 5,
    });
    const held = fc.array(values, { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(rules, held, async (expressions, elem) => {
        const set = { set: { family: 'inet', table: 'filter', name: 'many', elem } };
        const entries = await told(set, ...expressions.map((expr) => rule(...expr)));
        expect([...new Set(entries.map(({ Priority }) => Priority))]).toEqual(
          Array.from({ length: expressions.length + 1 }, (_, n) => n),
        );
        for (const entry of entries) {
          expect(checkPayload('FirewallConfiguration', entry)).toBeUndefined();
          expect(JSON.stringify(entry).length).toBeLessThan(40_000);
        }
      }),
    );
  });

  test('it is read or refused, and never breaks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            values,
            fc.dictionary(fc.constantFrom('table', 'chain', 'rule', 'set', 'map'), values),
          ),
        ),
        async (objects) => {
          const { chains, unparsed } = await parseRuleset(
            JSON.stringify({ nftables: [meta, ...objects] }),
          );
          expect(unparsed).toBeLessThanOrEqual(objects.length);
          for (const entry of toPayloads(chains))
            expect(checkPayload('FirewallConfiguration', entry)).toBeUndefined();
        },
      ),
    );
  });
});
