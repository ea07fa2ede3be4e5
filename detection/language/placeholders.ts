import { limits } from '../limits.js';
import { RuleError } from './rule-error.js';
import { memberOf, word, type YamlMap, type YamlNode } from './yaml-node.js';

/** The values that stand for `%name%`; an empty list matches nothing. */
export type Placeholders = Readonly<Record<string, readonly string[]>>;

/** Values of named rules, by their ids; they win over those that the rules bring along. */
export type Tuning = Readonly<Record<string, Placeholders>>;

/** What may be the name of a value. */
export const valueName = /^[A-Za-z0-9_.:-]{1,64}$/;

const placeholder = /(\\?)%([A-Za-z0-9_.:-]{1,64})%/;

/** What stands for the placeholders of one rule. */
export interface RuleValues {
  /** Of the rule. */
  readonly id: string;
  /** The names that were asked for. */
  readonly asked: ReadonlySet<string>;
  /** Undefined where nothing stands for the name. */
  of(name: string): readonly string[] | undefined;
}

/** The values of its tuning, and then its own. */
export function valuesOf(id: string, own: Placeholders | undefined, tuning: Tuning): RuleValues {
  const tuned = Object.hasOwn(tuning, id) ? tuning[id] : undefined;
  const one = (values: Placeholders | undefined, name: string): readonly string[] | undefined =>
    values !== undefined && Object.hasOwn(values, name) ? values[name] : undefined;
  const asked = new Set<string>();
  return {
    id,
    asked,
    of: (name) => {
      asked.add(name);
      return one(tuned, name) ?? one(own, name);
    },
  };
}

/**
 * Every text that the placeholders of a value make, one for each combination of their values, none where one of them has an
 * empty list; `\%` is a percent sign.
 * @throws RuleError for one that nothing stands for, and when there would be more than `most`
 */
export function expandPlaceholders(
  raw: string,
  values: RuleValues,
  most: number,
  line: number,
): readonly string[] {
  let done = [''];
  let rest = raw;
  for (;;) {
    const found = placeholder.exec(rest);
    if (found === null) break;
    const [whole, escaped = '', name = ''] = found;
    const before = rest.slice(0, found.index);
    if (escaped !== '') {
      // Only this percent sign is plain: the next may begin a name.
      done = done.map((text) => `${text}${before}%`);
      rest = rest.slice(found.index + 2);
      continue;
    }
    const known = values.of(name);
    if (known === undefined)
      throw new RuleError(
        `Set values for the placeholder %${name}%, which has none: in values of the document, or in detectionValues of the twin under ${word(values.id)}.`,
        line,
      );
    if (done.length * known.length > most)
      throw new RuleError(`Give ${word(raw)} fewer values: at most ${most} of a rule.`, line);
    done = done.flatMap((text) => known.map((value) => `${text}${before}${value}`));
    rest = rest.slice(found.index + whole.length);
  }
  const end = rest.replaceAll('\\%', '%');
  return done.map((text) => text + end);
}

/**
 * The named values of a document, in its member `values`: a list of texts for each name, or one text.
 * @throws RuleError when the member is there and is something else
 */
export function placeholdersIn(map: YamlMap): Placeholders | undefined {
  const node = memberOf(map, 'values');
  if (node === undefined) return undefined;
  if (node.kind !== 'map')
    throw new RuleError('Make values a map: a list of texts for each name.', node.line);
  if (node.entries.length > limits.namedValues)
    throw new RuleError(`Name at most ${limits.namedValues} values.`, node.line);
  return Object.fromEntries(
    node.entries.map(({ key, line, value }) => {
      if (!valueName.test(key))
        throw new RuleError(
          `Rename the value ${word(key)}: letters, digits and _ . : - make a name of at most 64.`,
          line,
        );
      return [key, textsOf(key, value)];
    }),
  );
}

function textsOf(name: string, node: YamlNode): readonly string[] {
  // What is left empty is an empty list.
  if (node.kind === 'scalar' && node.value === null) return [];
  const items = node.kind === 'list' ? node.items : [node];
  if (items.length > limits.valuesOfRule)
    throw new RuleError(
      `Give the value ${word(name)} at most ${limits.valuesOfRule} texts.`,
      node.line,
    );
  return items.map((item) => {
    if (item.kind !== 'scalar' || item.text === '' || item.text.length > limits.pattern)
      throw new RuleError(
        `Make the value ${word(name)} a list of texts of 1 to ${limits.pattern} characters.`,
        item.line,
      );
    return item.text;
  });
}
