import { levels, type Level } from '../../contract/rule-level.js';
import type { Expression } from './expression.js';
import { type Placeholders, placeholdersIn } from './placeholders.js';
import { RuleError } from './rule-error.js';
import {
  mapMember,
  memberOf,
  requiredText,
  textMember,
  textsMember,
  word,
  type YamlMap,
} from './yaml-node.js';

export { levels, type Level };

/** What the events of a rule come from; what is left out may be anything. In lower case. */
export interface Logsource {
  readonly category?: string;
  readonly product?: string;
  readonly service?: string;
}

/** Where rules are from: brought along, from a directory of the device, or from the twin. Of an equal id the later wins. */
export const ruleOrigins = ['builtin', 'local', 'twin'] as const;
export type RuleOrigin = (typeof ruleOrigins)[number];

/** Where a document stands. */
export interface Place {
  readonly source: RuleOrigin;
  /** The name of the file, or what else it is from. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** What rules, correlations and filters have in common. */
export interface Header extends Place {
  /** Its `id`, or where it has none its `name`, or the file with its number in it. */
  readonly id: string;
  readonly name: string | undefined;
  readonly title: string;
  readonly description: string | undefined;
  readonly status: string | undefined;
  readonly level: Level | undefined;
  readonly tags: readonly string[];
  /** The kind of alert, in a member of our own, `alert_type`: of the retired service's where it had one. */
  readonly alertType: string | undefined;
  /** What its placeholders stand for, in a member of our own, unless somebody sets others. */
  readonly values: Placeholders | undefined;
  /** What values may be set by the names of: those in `values`, and its other placeholders. */
  readonly valueNames: readonly string[];
  /** Events that it is true of and others that it is not, in a member of our own; see `rules/examples.ts`. */
  readonly examples: YamlMap | undefined;
}

export interface DetectionRule extends Header {
  readonly kind: 'rule';
  readonly logsource: Logsource;
  readonly expression: Expression;
}

export interface Filter extends Header {
  readonly kind: 'filter';
  readonly logsource: Logsource;
  /** Ids and names of rules. */
  readonly rules: readonly string[] | 'any';
  readonly expression: Expression;
}

const statuses = ['stable', 'test', 'experimental', 'deprecated', 'unsupported'];

/** @throws RuleError */
export function headerOf(
  map: YamlMap,
  { file, source }: Pick<Place, 'file' | 'source'>,
  number: number,
): Header {
  const title = requiredText(map, 'title', 256);
  const name = textMember(map, 'name', 256);
  const id = textMember(map, 'id', 128) ?? name ?? `${file}#${number}`;
  const taxonomy = textMember(map, 'taxonomy', 64);
  if (taxonomy !== undefined && taxonomy !== 'sigma')
    throw new RuleError(
      `Write the rule in the taxonomy sigma: the names of ${word(taxonomy)} are not known here.`,
      memberOf(map, 'taxonomy')?.line,
    );
  const values = placeholdersIn(map);
  return {
    id,
    name,
    title,
    description: textMember(map, 'description', 65_535),
    status: wordMember(map, 'status', statuses),
    level: wordMember(map, 'level', levels),
    tags: textsMember(map, 'tags', 64),
    alertType: alertTypeIn(map),
    values,
    valueNames: Object.keys(values ?? {}),
    examples: mapMember(map, 'examples'),
    source,
    file,
    line: map.line,
  };
}

function alertTypeIn(map: YamlMap): string | undefined {
  const text = textMember(map, 'alert_type', 64);
  if (text === undefined || /^[A-Za-z][A-Za-z0-9_]*$/.test(text)) return text;
  throw new RuleError(
    'Write alert_type in letters, digits and _, such as IoT_CryptoMiner.',
    memberOf(map, 'alert_type')?.line,
  );
}

function wordMember<W extends string>(
  map: YamlMap,
  key: string,
  words: readonly W[],
): W | undefined {
  const text = textMember(map, key, 64)?.toLowerCase();
  if (text === undefined) return undefined;
  const found = words.find((one) => one === text);
  if (found !== undefined) return found;
  throw new RuleError(
    `Correct ${key}: ${word(text)} is none of ${words.join(', ')}.`,
    memberOf(map, key)?.line,
  );
}

/** @throws RuleError */
export function logsourceOf(map: YamlMap): Logsource {
  const section = mapMember(map, 'logsource');
  if (section === undefined)
    throw new RuleError('Add logsource: with category, product or service.', map.line);
  const logsource: { -readonly [K in keyof Logsource]: Logsource[K] } = {};
  for (const key of ['category', 'product', 'service'] as const) {
    const text = textMember(section, key, 128);
    if (text !== undefined) logsource[key] = text.toLowerCase();
  }
  if (Object.keys(logsource).length === 0)
    throw new RuleError('Name category, product or service in logsource.', section.line);
  return logsource;
}

/** Whether everything that `wanted` says is so in `source`. */
export function covers(wanted: Logsource, source: Logsource): boolean {
  return (
    (wanted.category === undefined || wanted.category === source.category) &&
    (wanted.product === undefined || wanted.product === source.product) &&
    (wanted.service === undefined || wanted.service === source.service)
  );
}

/** `category process_creation, product linux`. */
export const saidLogsource = (logsource: Logsource): string =>
  Object.entries(logsource)
    .map(([key, value]) => `${key} ${word(String(value))}`)
    .join(', ');
