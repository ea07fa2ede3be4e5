import { RuleError } from './rule-error.js';
import { word } from './yaml-node.js';

/** The values that stand for `%name%`; a placeholder without any is not known. */
export type Placeholders = Readonly<Record<string, readonly string[]>>;

const placeholder = /(\\?)%([A-Za-z0-9_.:-]{1,64})%/;

/**
 * Every text that the placeholders of a value make, one for each combination of their values; `\%` is a percent sign.
 * @throws RuleError for one that nothing stands for, and when there would be more than `most`
 */
export function expandPlaceholders(
  raw: string,
  values: Placeholders,
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
    const known = Object.hasOwn(values, name) ? values[name] : undefined;
    if (known === undefined || known.length === 0)
      throw new RuleError(`Set values for the placeholder %${name}%, which has none.`, line);
    if (done.length * known.length > most)
      throw new RuleError(`Give ${word(raw)} fewer values: at most ${most} of a rule.`, line);
    done = done.flatMap((text) => known.map((value) => `${text}${before}${value}`));
    rest = rest.slice(found.index + whole.length);
  }
  const end = rest.replaceAll('\\%', '%');
  return done.map((text) => text + end);
}
