import { createHash } from 'node:crypto';
import type { Payload } from '../../../contract/events.js';

type Rule = Payload<'FirewallConfiguration'>;

/**
 * Chains and rules of the packet filter as items that do not depend on their places, so that a rule that is put in front
 * makes no others different. The rules of a chain follow it in their order.
 *
 * - A chain is `inet filter input`, with `policy drop, asked at input, priority filter`, or `asked by other chains`.
 * - A rule is its chain and what it asks for, `inet filter input: tcp to :22 by eth0`, with what becomes of the packet, `accept`;
 *   one that is there again is `… (2)`.
 * - Rules of a chain that changed places make the chain different: its text ends in another `order`.
 *
 * @param known what the look before found, in its order
 */
export function firewallItems(
  rules: readonly Rule[],
  known: ReadonlyMap<string, string> | undefined,
): ReadonlyMap<string, string> {
  const chains = new Map<string, { about: string; readonly rules: Map<string, string> }>();
  const times = new Map<string, number>();
  for (const rule of rules) {
    const { Policy, Unfiltered } = rule.ExtraDetails ?? {};
    const name = chainOf(rule);
    const chain = chains.get(name) ?? { about: '', rules: new Map<string, string>() };
    chains.set(name, chain);
    if (Policy !== undefined || Unfiltered !== undefined) {
      chain.about = aboutChain(rule);
      continue;
    }
    if (chain.about === '') chain.about = inForce(rule, 'asked by other chains');
    const item = `${name}: ${conditionsOf(rule)}`;
    const time = (times.get(item) ?? 0) + 1;
    times.set(item, time);
    chain.rules.set(time === 1 ? item : `${item} (${time})`, verdictOf(rule));
  }
  const orders = known === undefined ? undefined : ordersOf(known);
  const items = new Map<string, string>();
  for (const [name, chain] of chains) {
    const order = orderMark([...chain.rules.keys()], orders?.get(name));
    items.set(name, order === undefined ? chain.about : `${chain.about}, order ${order}`);
    for (const [item, text] of chain.rules) items.set(item, text);
  }
  return items;
}

function chainOf({ ChainName = '', ExtraDetails }: Rule): string {
  const { Backend, Table = '' } = ExtraDetails ?? {};
  // Both kinds of iptables have tables and chains of the same names.
  const backend = Backend === 'legacy' ? ' (legacy)' : '';
  // What follows a colon is a rule.
  return `${Table} ${ChainName}${backend}`.replaceAll(': ', ':');
}

function aboutChain(rule: Rule): string {
  const { Hook, HookPriority, Policy, Unfiltered } = rule.ExtraDetails ?? {};
  if (Unfiltered === 'true') return 'everything passes: no chain filters';
  const priority = HookPriority === undefined ? '' : `, priority ${HookPriority}`;
  return inForce(rule, `policy ${Policy ?? ''}, asked at ${Hook ?? ''}${priority}`);
}

function inForce({ Enabled }: Rule, text: string): string {
  return Enabled ? text : `${text}, not in force`;
}

function conditionsOf(rule: Rule): string {
  const { Comment, InInterface, Limit, Match, OutInterface, State } = rule.ExtraDetails ?? {};
  const about = (name: string, value: string | undefined): string[] =>
    value === undefined ? [] : [`${name} ${value}`];
  const end = (address: string | undefined, port: string | undefined): string | undefined =>
    address === undefined && port === undefined
      ? undefined
      : `${address ?? ''}${port === undefined ? '' : `:${port}`}`;
  const conditions = [
    ...(rule.Protocol === undefined ? [] : [rule.Protocol]),
    ...about('from', end(rule.SourceAddress, rule.SourcePort)),
    ...about('to', end(rule.DestinationAddress, rule.DestinationPort)),
    ...about('by', InInterface),
    ...about('out by', OutInterface),
    ...about('state', State),
    ...about('limit', Limit),
    ...about('if', Match),
  ];
  const text = conditions.length === 0 ? 'any' : conditions.join(' ');
  return Comment === undefined ? text : `${text} "${Comment}"`;
}

/** Whether a chain is in force stands with the chain: it must not make each of its rules different. */
function verdictOf({ Action, ExtraDetails }: Rule): string {
  const { Sets, Verdict } = ExtraDetails ?? {};
  const verdict =
    Verdict ?? (Action === 'Allow' ? 'accept' : Action === 'Deny' ? 'drop' : 'nothing');
  return Sets === undefined ? verdict : `${verdict}; ${Sets}`;
}

interface KnownOrder {
  readonly places: ReadonlyMap<string, number>;
  readonly mark: string | undefined;
}

/** The places of the rules of each chain, of which each follows its chain. */
function ordersOf(known: ReadonlyMap<string, string>): ReadonlyMap<string, KnownOrder> {
  const orders = new Map<string, KnownOrder>();
  let chain = '';
  let places = new Map<string, number>();
  for (const [item, text] of known) {
    if (chain !== '' && item.startsWith(`${chain}: `)) {
      places.set(item, places.size);
      continue;
    }
    chain = item;
    places = new Map();
    orders.set(chain, { places, mark: /, order ([0-9a-f]{8})$/.exec(text)?.[1] });
  }
  return orders;
}

/** The mark of before as long as the rules that were there follow each other as they did. */
function orderMark(rules: readonly string[], known: KnownOrder | undefined): string | undefined {
  if (known === undefined) return undefined;
  const places = rules.flatMap((rule) => known.places.get(rule) ?? []);
  if (places.every((place, index) => index === 0 || place > (places[index - 1] ?? 0)))
    return known.mark;
  return createHash('sha256').update(rules.join('\n')).digest('hex').slice(0, 8);
}
