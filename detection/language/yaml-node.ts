import { printable } from '../../base/text.js';
import { RuleError } from './rule-error.js';

/** A document as it is written: every node knows its line, from 1. */
export type YamlNode = YamlScalar | YamlList | YamlMap;

export interface YamlScalar {
  readonly kind: 'scalar';
  readonly line: number;
  readonly value: string | number | boolean | null;
  /** Of a number its digits without sign `+` and leading zeros, of a truth value its word; of text the text. */
  readonly text: string;
}

export interface YamlList {
  readonly kind: 'list';
  readonly line: number;
  readonly items: readonly YamlNode[];
}

export interface YamlMap {
  readonly kind: 'map';
  readonly line: number;
  readonly entries: readonly YamlEntry[];
}

export interface YamlEntry {
  readonly key: string;
  readonly line: number;
  readonly value: YamlNode;
}

/** The value of a key; undefined when the map has none, or an empty one. */
export function memberOf(map: YamlMap, key: string): YamlNode | undefined {
  const value = map.entries.find((entry) => entry.key === key)?.value;
  return value?.kind === 'scalar' && value.value === null ? undefined : value;
}

/** @throws RuleError when the member is there and is no text of at most `longest` units */
export function textMember(map: YamlMap, key: string, longest: number): string | undefined {
  const node = memberOf(map, key);
  if (node === undefined) return undefined;
  if (node.kind !== 'scalar') throw new RuleError(`Make ${key} a text.`, node.line);
  if (node.text.length > longest)
    throw new RuleError(`Shorten ${key} to ${longest} characters.`, node.line);
  return node.text;
}

/** @throws RuleError when it is not there, or is no such text */
export function requiredText(map: YamlMap, key: string, longest: number): string {
  const text = textMember(map, key, longest);
  if (text === undefined || text === '')
    throw new RuleError(`Add ${key}: every such document has one.`, map.line);
  return text;
}

/** A list of texts; one text alone counts as a list of one. @throws RuleError */
export function textsMember(map: YamlMap, key: string, most: number): readonly string[] {
  const node = memberOf(map, key);
  if (node === undefined) return [];
  const items = node.kind === 'list' ? node.items : [node];
  if (items.length > most) throw new RuleError(`Name at most ${most} in ${key}.`, node.line);
  return items.map((item) => {
    if (item.kind !== 'scalar' || item.value === null || item.text.length > 256)
      throw new RuleError(`Make ${key} a list of texts of at most 256 characters.`, item.line);
    return item.text;
  });
}

/** @throws RuleError when it is there and is no map */
export function mapMember(map: YamlMap, key: string): YamlMap | undefined {
  const node = memberOf(map, key);
  if (node === undefined || node.kind === 'map') return node;
  throw new RuleError(`Make ${key} a map of names and values.`, node.line);
}

/** A stranger's word in a sentence. */
export const word = (text: string): string => `"${printable(text, 60)}"`;
