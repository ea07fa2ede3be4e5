import { type Rejection, sentence } from '../../config/rejection.js';
import type { TwinSettings } from '../../config/twin-settings.js';
import type { Header } from '../../detection/language/document.js';
import { word } from '../../detection/language/yaml-node.js';
import type { RuleSet } from '../../detection/rules/rule-set.js';

/** More of them would fill the twin and the messages. */
const mostFindings = 32;

type Named = Pick<
  TwinSettings,
  'detectionDisabled' | 'detectionLevels' | 'detectionRules' | 'detectionValues'
>;

/** What of the settings of detection is not in force as written: rules that are refused, and ids of rules that there are not. */
export function findingsIn(set: RuleSet, settings: Named): readonly Rejection[] {
  const known = new Map<string, Header>(headersOf(set).map((header) => [header.id, header]));
  const found: Rejection[] = [];
  for (const { file, line, reason, source } of [...set.refusals, ...set.notes]) {
    if (source !== 'twin') continue;
    const isRule = Object.hasOwn(settings.detectionRules, file);
    const place = `${file}${line === undefined || !isRule ? '' : `, line ${line}`}`;
    found.push({
      key: isRule ? 'detectionRules' : file,
      errorType: 'TypeMismatch',
      reason: sentence(`${isRule ? 'detectionRules, ' : ''}${place}: ${reason}`),
      used: 'no such rule',
    });
  }
  const without = (key: keyof Named, text: string): void => {
    const used = 'without effect';
    found.push({ key, errorType: 'NotOptimal', reason: sentence(`${key}: ${text}`), used });
  };
  const named = {
    detectionDisabled: settings.detectionDisabled,
    detectionLevels: Object.keys(settings.detectionLevels),
    detectionValues: Object.keys(settings.detectionValues),
  };
  for (const [key, ids] of Object.entries(named))
    for (const id of ids)
      if (!known.has(id))
        without(key as keyof Named, `there is no rule ${word(id)}; correct the id, or remove it.`);
  for (const [id, values] of Object.entries(settings.detectionValues)) {
    const header = known.get(id);
    for (const name of header === undefined ? [] : Object.keys(values)) {
      if (header?.valueNames.includes(name) !== false) continue;
      const names = header.valueNames.length === 0 ? 'none' : header.valueNames.join(', ');
      without(
        'detectionValues',
        `the rule ${word(id)} has no value ${word(name)}; it has ${names}.`,
      );
    }
  }
  return found.slice(0, mostFindings);
}

export const headersOf = ({ correlations, filters, rules }: RuleSet): readonly Header[] => [
  ...rules,
  ...correlations.map(({ correlation }) => correlation),
  ...filters,
];
