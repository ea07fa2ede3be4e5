import { setImmediate } from 'node:timers/promises';
import { isJsonObject, type JsonValue } from '../../../base/json.js';
import type { Chain, Entry } from '../rules/chain.js';
import { cut, mostElements } from '../rules/conditions.js';
import { bare, list, mapWritten, member, targetsIn, text, written } from './expression.js';
import { type NamedSets, parseRule } from './rule.js';

/** What `nft -j list ruleset` told. */
export interface Ruleset {
  readonly chains: readonly NftChain[];
  /** Objects that were not understood, and rules of chains that are not in the answer. */
  readonly unparsed: number;
}

export interface NftChain extends Chain {
  /** Rules of which nft does not tell what a match or a target of iptables says (`xt`). */
  readonly opaqueRules: number;
}

interface Growing {
  readonly chain: Omit<NftChain, 'rules' | 'leadsTo' | 'opaqueRules'>;
  readonly rules: (readonly Entry[])[];
  readonly leadsTo: Set<string>;
  opaqueRules: number;
}

interface Table {
  enabled: Chain['enabled'];
  /** Elements of sets and maps by name. */
  readonly elements: Map<string, readonly JsonValue[]>;
  readonly contents: Map<string, string>;
  /** Chains that the verdicts of a map lead to. */
  readonly targets: Map<string, ReadonlySet<string>>;
}

interface Answer {
  readonly tables: Map<string, Table>;
  readonly chains: Map<string, Growing>;
  readonly hidesCounting: boolean;
}

/** Objects that are read without a pause: some milliseconds on a slow board. */
const piece = 100;

/** The only version that there is (nft 0.9 to 1.1). */
const schemaVersion = 1;

/**
 * Reads the answer of `nft -j list ruleset`: the tables, sets and chains come before the rules. Linear, and in pieces
 * with a pause between them, so that events are not kept waiting by thousands of rules.
 * @throws Error when the text is not such an answer
 */
export async function parseRuleset(answer: string): Promise<Ruleset> {
  const document = parsed(answer);
  const objects = member(document, 'nftables');
  if (!Array.isArray(objects)) throw new Error('The answer of nft has no list "nftables".');
  const tables = new Map<string, Table>();
  const chains = new Map<string, Growing>();
  let unparsed = 0;
  const version = written(member(member(list(objects)[0], 'metainfo'), 'version'));
  const hidesCounting = version.startsWith('0.');
  for (const [index, object] of objects.entries() as Iterable<[number, JsonValue]>) {
    if (index % piece === piece - 1) await setImmediate();
    const entry = isJsonObject(object) ? Object.entries(object)[0] : undefined;
    if (entry === undefined) unparsed++;
    else if (!readObject(...entry, { tables, chains, hidesCounting })) unparsed++;
  }
  return {
    chains: [...chains.values()].map(({ chain, ...grown }) => ({ ...chain, ...grown })),
    unparsed,
  };
}

function parsed(answer: string): JsonValue {
  try {
    return JSON.parse(answer) as JsonValue;
  } catch {
    throw new Error('The answer of nft is not JSON.');
  }
}

function readObject(
  kind: string,
  content: JsonValue,
  { tables, chains, hidesCounting }: Answer,
): boolean {
  const family = text(member(content, 'family')) ?? '';
  const name = text(member(content, 'name')) ?? '';
  const tableName = `${family} ${kind === 'table' ? name : (text(member(content, 'table')) ?? '')}`;
  switch (kind) {
    case 'metainfo': {
      const version = member(content, 'json_schema_version');
      if (version === schemaVersion) return true;
      throw new Error(
        `The answer of nft has the version ${written(version)}, not ${schemaVersion}.`,
      );
    }
    case 'table':
      tableOf(tables, tableName).enabled = enabledOf(member(content, 'flags'));
      return true;
    case 'set':
    case 'map':
      readSet(name, content, tableOf(tables, tableName));
      return true;
    case 'chain':
      chains.set(`${tableName}\n${name}`, growing(tableName, name, content, tables));
      return true;
    case 'rule': {
      const chain = chains.get(`${tableName}\n${text(member(content, 'chain')) ?? ''}`);
      if (chain === undefined) return false;
      readRule(content, chain, tableOf(tables, tableName), hidesCounting);
      return true;
    }
    // Named objects of rules: what they count or set is said where a rule names them.
    default:
      return true;
  }
}

function tableOf(tables: Map<string, Table>, name: string): Table {
  const table = tables.get(name) ?? {
    enabled: true,
    elements: new Map(),
    contents: new Map(),
    targets: new Map(),
  };
  tables.set(name, table);
  return table;
}

/** nft 1.0.6 prints, instead of the names of the flags, whatever stands in memory at that place. */
function enabledOf(flags: JsonValue | undefined): Chain['enabled'] {
  if (flags === undefined) return true;
  const names = Array.isArray(flags) ? (flags as readonly JsonValue[]) : [flags];
  if (names.includes('dormant')) return false;
  return names.every((flag) => flag === 'owner' || flag === 'persist') ? true : 'unknown';
}

function readSet(name: string, content: JsonValue, table: Table): void {
  const held = list(member(content, 'elem'));
  table.elements.set(name, held);
  const targets = new Set<string>();
  targetsIn(held, targets);
  table.targets.set(name, targets);
  const isMap = member(content, 'map') !== undefined;
  const shown = held.slice(0, mostElements);
  const more = held.length - shown.length;
  const told = isMap ? mapWritten({ set: shown }) : written({ set: shown.map(bare) });
  table.contents.set(name, more > 0 ? `${told.slice(0, -2)}, … ${more} more }` : told);
}

function growing(
  table: string,
  name: string,
  content: JsonValue,
  tables: Map<string, Table>,
): Growing {
  const hook = text(member(content, 'hook'));
  const priority = text(member(content, 'prio'));
  const base = hook !== undefined && {
    hook,
    type: text(member(content, 'type')) ?? 'filter',
    // The kernel's own when none is set.
    policy: text(member(content, 'policy')) ?? 'accept',
    ...(priority !== undefined && { priority }),
  };
  const { enabled } = tableOf(tables, table);
  return {
    chain: { table: cut(table), name, enabled, ...(base !== false && { base }) },
    rules: [],
    leadsTo: new Set(),
    opaqueRules: 0,
  };
}

function readRule(content: JsonValue, chain: Growing, table: Table, hidesCounting: boolean): void {
  const sets: NamedSets = {
    content: (name) => table.contents.get(name),
    elements: (name) => table.elements.get(name),
    hidesCounting,
  };
  chain.rules.push(parseRule(content, sets));
  const expressions = list(member(content, 'expr'));
  for (const expression of expressions) {
    targetsIn(expression, chain.leadsTo);
    const name = text(member(member(expression, 'vmap'), 'data'));
    if (name?.startsWith('@') !== true) continue;
    for (const target of table.targets.get(name.slice(1)) ?? []) chain.leadsTo.add(target);
  }
  if (expressions.some((expression) => isJsonObject(expression) && 'xt' in expression))
    chain.opaqueRules++;
}
