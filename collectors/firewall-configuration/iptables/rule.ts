import type { Entry, Verdict } from '../rules/chain.js';
import { Conditions, cut, listText, type ConditionField } from '../rules/conditions.js';
import { wordsOf } from './words.js';

const words = (...parts: readonly string[]): string =>
  parts.filter((part) => part !== '').join(' ');

/** A rule, and the chains that it may lead to. */
export interface ParsedRule {
  readonly chain: string;
  readonly entry: Entry;
  readonly target?: string;
}

interface Option {
  /** Without its dashes. */
  readonly name: string;
  readonly negated: boolean;
  readonly values: readonly string[];
}

const addresses: Readonly<Record<string, ConditionField>> = {
  s: 'SourceAddress',
  d: 'DestinationAddress',
  'src-range': 'SourceAddress',
  'dst-range': 'DestinationAddress',
};
const ports: Readonly<Record<string, ConditionField>> = {
  sport: 'SourcePort',
  sports: 'SourcePort',
  dport: 'DestinationPort',
  dports: 'DestinationPort',
};
/** Modules of which the options say everything. */
const silentModules = new Set(
  ['tcp', 'udp', 'sctp', 'dccp', 'udplite', 'icmp', 'icmp6', 'ipv6-icmp', 'comment'].concat([
    'conntrack',
    'state',
    'multiport',
    'limit',
    'iprange',
  ]),
);
const deciding: Readonly<Record<string, Verdict['kind']>> = {
  ACCEPT: 'accept',
  DROP: 'deny',
  REJECT: 'deny',
};

/**
 * Reads a line such as `-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT`. An option without a field of its own is told as it
 * is written; a line that is not understood gives an entry that decides nothing and says it all. Pure; never throws.
 */
export function parseRule(line: string): ParsedRule {
  const found = wordsOf(line.replace(/^\[\d+:\d+\] /, ''));
  const [command, chain, ...rest] = found ?? [];
  if (command !== '-A' || chain === undefined) return notUnderstood(chain ?? '', line);
  const options = optionsOf(rest);
  if (options === undefined) return notUnderstood(chain, line);
  const jump = options.findIndex(({ name }) => name === 'j' || name === 'g');
  const matches = jump < 0 ? options : options.slice(0, jump);
  const into = new Conditions();
  let comment: string | undefined;
  const modules: { readonly name: string; readonly options: string[] }[] = [];
  for (const option of matches) {
    const [value = ''] = option.values;
    if (option.name === 'm') modules.push({ name: value, options: [] });
    else if (option.name === 'comment') comment = option.values.join(' ');
    else if (!addOption(option, matches, into)) {
      if (modules.length === 0) modules.push({ name: '', options: [] });
      modules.at(-1)?.options.push(optionText(option));
    }
  }
  for (const { name, options: own } of modules)
    if (own.length > 0 || !silentModules.has(name)) into.match(words(name, ...own));
  const told = into.told();
  const entryDetails = { ...told.details, ...(comment !== undefined && { Comment: cut(comment) }) };
  const { target, verdict } = verdictOf(jump < 0 ? [] : options.slice(jump));
  return {
    chain,
    entry: { verdict, fields: told.fields, details: entryDetails },
    ...(target !== undefined && { target }),
  };
}

function notUnderstood(chain: string, line: string): ParsedRule {
  const verdict = { kind: 'other', written: 'none' } as const;
  return { chain, entry: { verdict, fields: {}, details: { Expression: cut(line) } } };
}

/** Options with their values; undefined when a word belongs to none. */
function optionsOf(found: readonly string[]): readonly Option[] | undefined {
  const options: { name: string; negated: boolean; values: string[] }[] = [];
  let negated = false;
  for (const word of found) {
    if (word === '!') {
      if (negated) return undefined;
      negated = true;
      continue;
    }
    const last = options.at(-1);
    const name = /^--?([A-Za-z][\w-]*)$/.exec(word)?.[1];
    // The text of a comment or a prefix may look like an option.
    const takesText =
      last !== undefined && last.values.length === 0 && /comment|prefix|string/.test(last.name);
    if (name !== undefined && !takesText) {
      options.push({ name, negated, values: [] });
      negated = false;
    } else if (last === undefined || negated) return undefined;
    else last.values.push(word);
  }
  return negated ? undefined : options;
}

/** False when the option has no field of its own. */
function addOption(option: Option, all: readonly Option[], into: Conditions): boolean {
  const { name, negated, values } = option;
  const asText = optionText(option);
  const [value] = values;
  const address = addresses[name];
  const port = ports[name];
  if (value === undefined || values.length > 1) return false;
  if (name === 'p') {
    into.field('Protocol', listText([value], negated), asText);
  } else if (address !== undefined) {
    const single = value.replace(/^([\d.]+)\/32$|^([\da-f:.]+)\/128$/, '$1$2');
    into.field(address, listText([single], negated), asText);
  } else if (port !== undefined) {
    into.field(port, listText(value.replaceAll(':', '-').split(','), negated), asText);
  } else if (name === 'i') {
    into.detail('InInterface', listText([value], negated), asText);
  } else if (name === 'o') {
    into.detail('OutInterface', listText([value], negated), asText);
  } else if (name === 'state' || name === 'ctstate') {
    into.detail('State', listText(value.toLowerCase().split(','), negated), asText);
  } else if (name === 'limit') {
    const burst = all.find((other) => other.name === 'limit-burst')?.values[0];
    const rate = value.replace(/\/sec$/, '/second').replace(/\/min$/, '/minute');
    const text = burst === undefined ? rate : `${rate} burst ${burst} packets`;
    into.detail('Limit', negated ? `over ${text}` : text, asText);
  } else {
    return name === 'limit-burst';
  }
  return true;
}

function optionText({ name, negated, values }: Option): string {
  const dashes = name.length === 1 ? '-' : '--';
  const quoted = values.map((value) => (/[\s"]/.test(value) ? JSON.stringify(value) : value));
  return [negated ? '! ' : '', dashes, name, ...quoted.map((value) => ` ${value}`)].join('');
}

/** @param options from the jump on: those behind it are its own */
function verdictOf(options: readonly Option[]): { verdict: Verdict; target?: string } {
  const [jump, ...own] = options;
  const [target] = jump?.values ?? [];
  if (jump === undefined || target === undefined)
    return { verdict: { kind: 'other', written: 'none' } };
  const kind = jump.name === 'j' && jump.values.length === 1 ? deciding[target] : undefined;
  const text = [target, ...jump.values.slice(1), ...own.map(optionText)].join(' ');
  if (kind === undefined) {
    const written =
      jump.name === 'g' ? `goto ${text}` : isUserChain(target) ? `jump ${text}` : text;
    return { verdict: { kind: 'other', written }, target };
  }
  return { verdict: text === target && target !== 'REJECT' ? { kind } : { kind, written: text } };
}

const extensions =
  /^(?:AUDIT|CHECKSUM|CLASSIFY|CLUSTERIP|CONNMARK|CONNSECMARK|CT|DNAT|DNPT|DSCP|ECN|HL|HMARK|IDLETIMER|LED|LOG|MARK|MASQUERADE|NETMAP|NFLOG|NFQUEUE|NOTRACK|RATEEST|REDIRECT|RETURN|SECMARK|SET|SNAT|SNPT|SYNPROXY|TCPMSS|TCPOPTSTRIP|TEE|TOS|TPROXY|TRACE|TTL|ULOG|QUEUE)$/;

function isUserChain(target: string): boolean {
  return !extensions.test(target);
}
