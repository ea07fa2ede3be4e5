import type { JsonValue } from '../../../base/json.js';
import type { Entry, Verdict } from '../rules/chain.js';
import { Conditions, cut } from '../rules/conditions.js';
import {
  elements,
  list,
  mapWritten,
  member,
  shown,
  tagged,
  text,
  words,
  written,
} from './expression.js';
import { addMatch, type Match, matchText, parts, type SetContent } from './match.js';
import { actionText, conditionText, limitText, rejectText } from './statement.js';

/** So many elements of a map of verdicts, or of a set of combinations, are told one by one. */
const mostAlternatives = 64;

/** What a rule may refer to in its table. */
export interface NamedSets {
  /** What a set or map holds, as text. */
  readonly content: SetContent;
  /** The elements of a set or map; undefined when there is none of this name. */
  readonly elements: (name: string) => readonly JsonValue[] | undefined;
  /** nft before 1.0 leaves out what a set counts: a limit, without which nobody knows when the rule decides. */
  readonly hidesCounting: boolean;
}

/** One of the ways in which a rule may apply. */
interface Alternative {
  readonly matches: readonly Match[];
  readonly verdict?: JsonValue;
}

/** What the statements of a rule come to. */
class Reading {
  readonly fixed: Match[] = [];
  readonly conditions: string[] = [];
  readonly limits: string[] = [];
  readonly actions: string[] = [];
  readonly unknown: string[] = [];
  alternatives: readonly Alternative[] = [{ matches: [] }];
  verdict: JsonValue | undefined;
  hasMap = false;
}

/**
 * One entry for a rule; for one with a map of verdicts, or with a set of combinations of addresses and ports, one for each
 * element, for a field holds no combinations. Where an expression is not understood, or there are too many elements, the
 * entry decides nothing (`other`) and says all as text. Pure; never throws.
 * @param rule the content of `rule` in the answer of `nft -j list ruleset`
 */
export function parseRule(rule: JsonValue, sets: NamedSets): readonly Entry[] {
  const reading = new Reading();
  for (const statement of list(member(rule, 'expr'))) read(statement, reading, sets);
  const comment = text(member(rule, 'comment'));
  return reading.alternatives.map((alternative) => entryOf(reading, alternative, comment, sets));
}

function read(statement: JsonValue, reading: Reading, sets: NamedSets): void {
  const [kind, content] = tagged(statement) ?? [];
  if (kind === undefined || content === undefined) {
    reading.unknown.push(shown(statement));
    return;
  }
  switch (kind) {
    case 'match': {
      readMatch(content, reading, sets);
      return;
    }
    case 'vmap': {
      readVerdictMap(content, reading, sets);
      return;
    }
    case 'limit':
      reading.limits.push(limitText(content));
      return;
    // Its numbers change with every packet.
    case 'counter':
      return;
    case 'accept':
    case 'drop':
    case 'reject':
    case 'continue':
    case 'return':
    case 'jump':
    case 'goto':
      if (reading.verdict !== undefined || reading.hasMap) reading.unknown.push(written(statement));
      else reading.verdict = statement;
      return;
    default: {
      const condition = conditionText(kind, content);
      if (condition !== undefined) {
        reading.conditions.push(condition);
        return;
      }
      const action = actionText(kind, content);
      const mayHide = sets.hidesCounting && (kind === 'set' || kind === 'map');
      if (action === undefined || mayHide) reading.unknown.push(action ?? shown(statement));
      else reading.actions.push(action);
    }
  }
}

function readMatch(content: JsonValue, reading: Reading, sets: NamedSets): void {
  const left = member(content, 'left');
  const right = member(content, 'right');
  if (left === undefined || right === undefined) {
    reading.unknown.push(shown(content));
    return;
  }
  const match = { op: text(member(content, 'op')) ?? '', left, right };
  if (member(left, 'concat') === undefined) {
    reading.fixed.push(match);
    return;
  }
  const name = setNameOf(right);
  const values = name === undefined ? elements(right) : sets.elements(name);
  const found =
    match.op === '==' || match.op === 'in'
      ? values?.map((value) => alternativeOf(left, value, undefined))
      : undefined;
  if (!multiply(reading, found)) reading.unknown.push(matchText(match));
}

function readVerdictMap(content: JsonValue, reading: Reading, sets: NamedSets): void {
  const key = member(content, 'key');
  const data = member(content, 'data');
  const asText = words(written(key), 'vmap', mapWritten(data));
  const name = setNameOf(data);
  const pairs = name === undefined ? list(member(data, 'set')) : sets.elements(name);
  const found = pairs?.map((pair) => {
    const [value, verdict] = list(pair);
    return key === undefined || value === undefined || verdict === undefined
      ? undefined
      : alternativeOf(key, value, verdict);
  });
  const isFirst = reading.verdict === undefined && !reading.hasMap;
  if (isFirst && multiply(reading, found)) reading.hasMap = true;
  else reading.unknown.push(asText);
}

function setNameOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value.startsWith('@') ? value.slice(1) : undefined;
}

/** @param verdict of an element of a map */
function alternativeOf(
  key: JsonValue,
  value: JsonValue,
  verdict: JsonValue | undefined,
): Alternative | undefined {
  const bareValue = member(member(value, 'elem'), 'val') ?? value;
  const matches = parts(key, bareValue);
  // `*` in a map stands for everything that no other element names.
  if (matches === undefined || bareValue === '*') return undefined;
  return { matches, ...(verdict !== undefined && { verdict }) };
}

/** False, and nothing is changed, when they are not all understood, none or too many. */
function multiply(
  reading: Reading,
  found: readonly (Alternative | undefined)[] | undefined,
): boolean {
  const { alternatives } = reading;
  if (found === undefined || found.length === 0) return false;
  if (found.length * alternatives.length > mostAlternatives) return false;
  const all = found.flatMap((one) => one ?? []);
  if (all.length < found.length) return false;
  reading.alternatives = alternatives.flatMap((before) =>
    all.map((one) => ({ ...before, ...one, matches: [...before.matches, ...one.matches] })),
  );
  return true;
}

function entryOf(
  reading: Reading,
  alternative: Alternative,
  comment: string | undefined,
  sets: NamedSets,
): Entry {
  const { actions, conditions, fixed, limits, unknown } = reading;
  const into = new Conditions();
  const notUnderstood = [...unknown];
  for (const match of [...fixed, ...alternative.matches])
    if (!addMatch(match, into, sets.content)) notUnderstood.push(matchText(match));
  for (const limit of limits) into.detail('Limit', limit, `limit rate ${limit}`);
  for (const condition of conditions) into.match(condition);
  const { fields, details } = into.told();
  const verdict = alternative.verdict ?? reading.verdict;
  return {
    verdict: verdictOf(verdict, actions, notUnderstood.length > 0),
    fields,
    details: {
      ...details,
      ...(comment !== undefined && { Comment: cut(comment) }),
      ...(notUnderstood.length > 0 && { Expression: cut(notUnderstood.join('; ')) }),
    },
  };
}

function verdictOf(
  verdict: JsonValue | undefined,
  actions: readonly string[],
  isUnclear: boolean,
): Verdict {
  const [kind, content] = tagged(verdict) ?? [];
  const said = kind === 'reject' ? rejectText(content ?? null) : written(verdict);
  const all = [...actions, ...(said === '' ? [] : [said])];
  const asText = all.length === 0 ? 'none' : all.join('; ');
  if (!isUnclear && kind === 'accept')
    return actions.length === 0 ? { kind: 'accept' } : { kind: 'accept', written: asText };
  if (!isUnclear && (kind === 'drop' || kind === 'reject'))
    return asText === 'drop' ? { kind: 'deny' } : { kind: 'deny', written: asText };
  return { kind: 'other', written: asText };
}
