import { type Correlation, parseCorrelation } from './correlation.js';
import { parseDetection } from './detection.js';
import {
  type DetectionRule,
  type Filter,
  type Header,
  headerOf,
  logsourceOf,
  type Place,
} from './document.js';
import { languageOf } from './language.js';
import { type Tuning, valuesOf } from './placeholders.js';
import type { RegexCompiler } from './regex.js';
import { RuleError } from './rule-error.js';
import { mapMember, memberOf, textsMember, type YamlMap } from './yaml-node.js';

export type RuleDocument = DetectionRule | Correlation | Filter;

interface ReadWith {
  readonly tuning: Tuning;
  readonly regex: RegexCompiler;
}

/**
 * Reads one document: a rule has `detection`, a correlation `correlation`, a filter `filter`. What else is in it is left to
 * others.
 * @param number of the document in its file, from 1
 * @throws RuleError
 */
export function parseDocument(
  map: YamlMap,
  place: Pick<Place, 'file' | 'source'>,
  number: number,
  { regex, tuning }: ReadWith,
): RuleDocument {
  const read = headerOf(map, place, number);
  const values = valuesOf(read.id, read.values, tuning);
  const language = languageOf(values, regex);
  const header = (): Header => ({
    ...read,
    valueNames: [...new Set([...read.valueNames, ...values.asked])],
  });
  const kinds = ['detection', 'correlation', 'filter'].filter(
    (key) => memberOf(map, key) !== undefined,
  );
  if (kinds.length > 1)
    throw new RuleError(`Split the document: it has ${kinds.join(' and ')}.`, map.line);
  switch (kinds[0]) {
    case 'detection': {
      const detection = mapMember(map, 'detection') ?? map;
      const expression = parseDetection(detection, language);
      return { ...header(), kind: 'rule', logsource: logsourceOf(map), expression };
    }
    case 'correlation':
      return parseCorrelation(map, read);
    case 'filter': {
      const filter = mapMember(map, 'filter') ?? map;
      const rules = textsMember(filter, 'rules', 1_000);
      if (rules.length === 0)
        throw new RuleError('Name the rules that are filtered in rules, or any.', filter.line);
      const expression = parseDetection(filter, language);
      return {
        ...header(),
        kind: 'filter',
        logsource: logsourceOf(map),
        rules: rules.length === 1 && rules[0] === 'any' ? 'any' : rules,
        expression,
      };
    }
    default:
      throw new RuleError('Add detection, correlation or filter: none of them is there.', map.line);
  }
}
