import { readRuleDirectory } from '../../detection/rules/read-directory.js';
import { builtinRulesDirectory } from './builtin-directory.js';
import type { Rules } from './detection.js';

/** The rules that the agent brings along, and no others. */
export async function openBuiltinRules(): Promise<Rules> {
  const current = await readRuleDirectory(builtinRulesDirectory());
  return { current, onChange: () => () => undefined, originOf: () => 'builtin' };
}
