import { parseCondition } from './condition.js';
import type { Expression } from './expression.js';
import type { Language } from './language.js';
import { itemOf } from './modifiers.js';
import { RuleError } from './rule-error.js';
import { memberOf, word, type YamlMap, type YamlNode } from './yaml-node.js';

/** Members of a section that are no detections. */
const notDetections = new Set(['condition', 'timeframe', 'rules']);

/**
 * The expression of the section `detection` of a rule, or `filter` of a filter: what its condition makes of its detections.
 * @throws RuleError
 */
export function parseDetection(section: YamlMap, language: Language): Expression {
  const timeframe = memberOf(section, 'timeframe');
  if (timeframe !== undefined)
    throw new RuleError(
      'Replace timeframe by a document with correlation: and its timespan: it was taken out of the language.',
      timeframe.line,
    );
  const detections = new Map<string, Expression>();
  for (const { key, value } of section.entries)
    if (!notDetections.has(key)) detections.set(key, searchOf(key, value, language));
  const names = {
    names: [...detections.keys()],
    noun: 'detection',
    expressionOf: (name: string): Expression => detections.get(name) ?? { kind: 'or', parts: [] },
  };
  const parts = conditionsOf(section).map(({ text, line }) => parseCondition(text, line, names));
  const [first] = parts;
  // Of a list each condition is a search of its own.
  return first !== undefined && parts.length === 1 ? first : { kind: 'or', parts };
}

function conditionsOf(section: YamlMap): readonly { text: string; line: number }[] {
  const node = memberOf(section, 'condition');
  const items = node?.kind === 'list' ? node.items : node === undefined ? [] : [node];
  if (items.length === 0)
    throw new RuleError('Add a condition that names the detections.', section.line);
  return items.map((item) => {
    if (item.kind !== 'scalar') throw new RuleError('Make the condition a text.', item.line);
    return { text: item.text, line: item.line };
  });
}

/** One detection: a map whose lines must all match, or a list of which one must; text alone is searched in the whole event. */
function searchOf(name: string, node: YamlNode, language: Language): Expression {
  switch (node.kind) {
    case 'map':
      return mapOf(name, node, language);
    case 'scalar':
      return itemOf('', node.line, node, language);
    case 'list': {
      if (node.items.length === 0)
        throw new RuleError(`Give the detection ${word(name)} a value.`, node.line);
      const words = node.items.filter((item) => item.kind === 'scalar');
      const parts = node.items.flatMap((item): readonly Expression[] => {
        if (item.kind === 'scalar') return [];
        if (item.kind === 'map') return [mapOf(name, item, language)];
        throw new RuleError(`Make each of ${word(name)} a text or a map.`, item.line);
      });
      if (words.length === 0) return { kind: 'or', parts };
      const list = { kind: 'list', line: node.line, items: words } as const;
      const keywords = itemOf('', node.line, list, language);
      return parts.length === 0 ? keywords : { kind: 'or', parts: [keywords, ...parts] };
    }
  }
}

function mapOf(name: string, map: YamlMap, language: Language): Expression {
  if (map.entries.length === 0)
    throw new RuleError(`Give the detection ${word(name)} a field.`, map.line);
  const parts = map.entries.map(({ key, line, value }) => itemOf(key, line, value, language));
  const [first] = parts;
  return first !== undefined && parts.length === 1 ? first : { kind: 'and', parts };
}
