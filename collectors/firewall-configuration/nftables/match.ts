import type { JsonValue } from '../../../base/json.js';
import { type Conditions, listText } from '../rules/conditions.js';
import type { ConditionDetail, ConditionField } from '../rules/conditions.js';
import { elements, list, member, plain, tagged, text, words, written } from './expression.js';

export interface Match {
  readonly op: string;
  readonly left: JsonValue;
  readonly right: JsonValue;
}

/** Tells what a set of this name in the table of the rule holds; undefined when it is not known. */
export type SetContent = (name: string) => string | undefined;

const transports = ['tcp', 'udp', 'sctp', 'dccp', 'udplite', 'th'];
const internet = ['ip', 'ip6'];
/** Left sides that are known to be conditions; of these that have no field the text is told. */
const known = new Set(
  [
    'payload',
    'meta',
    'ct',
    'rt',
    'socket',
    'osf',
    'ipsec',
    'tunnel',
    'exthdr',
    'tcp option',
  ].concat(
    ['ip option', 'sctp chunk', 'dccp option', 'fib', 'numgen', 'jhash', 'symhash', 'concat'],
    ['&', '|', '^', '<<', '>>'],
  ),
);
const comparisons = ['==', '!=', '<', '>', '<=', '>=', 'in'];

/** Adds what a match demands. False when it is not understood: then the text alone tells it. */
export function addMatch(match: Match, into: Conditions, setContent: SetContent): boolean {
  const { left, op, right } = match;
  const [kind, content] = tagged(left) ?? [];
  const asText = matchText(match);
  const name = setName(right);
  if (name !== undefined) {
    const held = setContent(name);
    if (held !== undefined) into.set(`@${name} ${held}`);
  }
  const place = kind === undefined ? undefined : placeOf(kind, content);
  const masked = kind === '&' ? list(content)[0] : left;
  protocolOf(text(member(member(masked, 'payload'), 'protocol')) ?? '', into, asText);
  const value = place === undefined ? undefined : valueOf(match, place);
  if (place === undefined || value === undefined) {
    into.match(asText);
    return kind !== undefined && known.has(kind) && comparisons.includes(op);
  }
  if (isDetail(place)) into.detail(place, value, asText);
  else into.field(place, value, asText);
  return true;
}

export function matchText({ op, left, right }: Match): string {
  const [kind] = tagged(left) ?? [];
  const isPlain = (op === '==' || op === 'in') && !['&', '|', '^'].includes(kind ?? '');
  const value = right === true ? 'exists' : right === false ? 'missing' : written(right);
  return words(written(left), isPlain ? '' : op, value);
}

/** The name of a set that is referred to; nft writes it with `@` before it. */
function setName(right: JsonValue): string | undefined {
  return typeof right === 'string' && right.startsWith('@') ? right.slice(1) : undefined;
}

function isDetail(place: ConditionField | ConditionDetail): place is ConditionDetail {
  return ['State', 'InInterface', 'OutInterface', 'Limit'].includes(place);
}

function placeOf(
  kind: string,
  content: JsonValue | undefined,
): ConditionField | ConditionDetail | undefined {
  const key = text(member(content, 'key')) ?? '';
  if (kind === 'ct') return key === 'state' ? 'State' : undefined;
  if (kind === 'meta') {
    if (key === 'iif' || key === 'iifname') return 'InInterface';
    if (key === 'oif' || key === 'oifname') return 'OutInterface';
    return key === 'l4proto' ? 'Protocol' : undefined;
  }
  if (kind !== 'payload') return undefined;
  const protocol = text(member(content, 'protocol')) ?? '';
  const field = text(member(content, 'field')) ?? '';
  if (internet.includes(protocol)) {
    if (field === 'saddr') return 'SourceAddress';
    if (field === 'daddr') return 'DestinationAddress';
    return field === 'protocol' || field === 'nexthdr' ? 'Protocol' : undefined;
  }
  if (!transports.includes(protocol)) return undefined;
  if (field === 'sport') return 'SourcePort';
  return field === 'dport' ? 'DestinationPort' : undefined;
}

/** Whoever asks for a field of a transport, or of ICMP, asks for that protocol. */
function protocolOf(protocol: string, into: Conditions, asText: string): void {
  if (
    protocol === 'th' ||
    ![...transports, 'icmp', 'icmpv6', 'ah', 'esp', 'comp'].includes(protocol)
  )
    return;
  into.field('Protocol', protocol, asText);
}

function valueOf({ op, right }: Match, place: string): string | undefined {
  if (op === '<' || op === '>' || op === '<=' || op === '>=')
    return place.endsWith('Port') ? portRange(op, right) : undefined;
  if (op !== '==' && op !== '!=' && op !== 'in') return undefined;
  const values = elements(right).map(plain);
  if (values.length === 0 || values.includes(undefined)) return undefined;
  return listText(values as readonly string[], op === '!=');
}

function portRange(op: '<' | '>' | '<=' | '>=', right: JsonValue): string | undefined {
  if (typeof right !== 'number') return undefined;
  const [from, to] = {
    '<': [0, right - 1],
    '<=': [0, right],
    '>': [right + 1, 65_535],
    '>=': [right, 65_535],
  }[op] as [number, number];
  return from <= to ? `${from}-${to}` : undefined;
}

/** A match of several things at once, as one match for each part; undefined when the parts do not correspond. */
export function parts(keys: JsonValue, value: JsonValue): readonly Match[] | undefined {
  const left = list(member(keys, 'concat'));
  if (left.length === 0) return [{ op: '==', left: keys, right: value }];
  const right = list(member(value, 'concat'));
  if (left.length !== right.length) return undefined;
  return left.map((part, index) => ({ op: '==', left: part, right: right[index] ?? null }));
}
