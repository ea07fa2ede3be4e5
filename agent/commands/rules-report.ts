import { CommandError, exitCodes } from '../../base/exit-codes.js';
import { printable } from '../../base/text.js';
import { type Explanation, explain } from '../../detection/engine/explain.js';
import type { Refusal } from '../../detection/language/read-rules.js';
import { EventLineError, parseEventLine } from '../../detection/rules/event-line.js';
import { runExamples } from '../../detection/rules/examples.js';
import { DirectoryError, readRuleDirectory } from '../../detection/rules/read-directory.js';
import type { RuleSet } from '../../detection/rules/rule-set.js';

/** @throws CommandError when there is no such directory */
export async function readRules(directory: string): Promise<RuleSet> {
  try {
    return await readRuleDirectory(directory);
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error;
    throw new CommandError(`${printable(directory)} ${error.message}.`, exitCodes.configuration);
  }
}

/** `file, line 3: Reason.` */
export const saidRefusal = ({ file, line, reason }: Refusal): string =>
  printable(`${file}${line === undefined ? '' : `, line ${line}`}: ${reason}`);

const say = (text: string): void => void process.stdout.write(`${text}\n`);

export async function listRules(directory: string, asJson: boolean): Promise<number> {
  const { correlations, refusals, rules } = await readRules(directory);
  const all = [
    ...rules.map(({ file, id, isSilent, level, needs, tags, title }) => {
      return { id, level, title, needs, tags, file, isSilent };
    }),
    ...correlations.map(({ correlation: { file, id, tags, title }, isSilent, level }) => {
      return { id, level, title, needs: [], tags, file, isSilent };
    }),
  ];
  if (asJson) for (const rule of all) say(JSON.stringify(rule));
  else
    for (const { id, isSilent, level = 'no level', needs, title } of all) {
      const serves = isSilent ? ' (serves a correlation)' : '';
      say(`${level.padEnd(13)} ${printable(id)}  ${printable(title)}${serves}`);
      for (const need of needs) say(`${''.padEnd(14)}needs ${printable(need)}`);
    }
  for (const refusal of refusals) process.stderr.write(`${saidRefusal(refusal)}\n`);
  return exitCodes.stopped;
}

export async function checkRules(directory: string): Promise<number> {
  const { correlations, filters, notes, refusals, rules } = await readRules(directory);
  for (const refusal of [...refusals, ...notes]) say(saidRefusal(refusal));
  const needing = rules.filter(({ needs }) => needs.length > 0);
  for (const { file, line, needs } of needing)
    say(printable(`${file}, line ${line}: loaded, and needs ${needs.join(', ')}.`));
  say(
    `${rules.length} rules, ${correlations.length} correlations, ${filters.length} filters; ${refusals.length} refused; ${needing.length} need what is not there.`,
  );
  return refusals.length === 0 ? exitCodes.stopped : exitCodes.configuration;
}

export async function testRules(directory: string): Promise<number> {
  const set = await readRules(directory);
  const outcomes = runExamples(set);
  const faults = outcomes.filter(({ fault }) => fault !== undefined);
  for (const refusal of set.refusals) say(saidRefusal(refusal));
  for (const { fault = '', file, line, rule } of faults)
    say(printable(`${file}, line ${line}: ${rule}: ${fault}`));
  say(`${outcomes.length} examples: ${faults.length} are not what they say.`);
  if (set.refusals.length > 0) return exitCodes.configuration;
  return faults.length === 0 ? exitCodes.stopped : exitCodes.crashed;
}

export async function explainRule(directory: string, id: string, text: string): Promise<number> {
  const { correlations, rules } = await readRules(directory);
  const rule = rules.find((one) => one.id === id || one.name === id);
  if (rule === undefined) {
    const isCorrelation = correlations.some(({ correlation }) => correlation.id === id);
    throw new CommandError(
      isCorrelation
        ? `${printable(id)} is a correlation: explain one of the rules that it is made of.`
        : `There is no rule ${printable(id)} in ${printable(directory)} that can be used; rules check tells why.`,
      exitCodes.configuration,
    );
  }
  try {
    for (const line of indented(explain(rule.expression, parseEventLine(text)))) say(line);
  } catch (error) {
    if (!(error instanceof EventLineError)) throw error;
    throw new CommandError(`The event cannot be used. ${error.message}`, exitCodes.configuration);
  }
  return exitCodes.stopped;
}

/** A condition is at most a few thousand parts; a person reads the first. */
const mostLines = 2_000;

function indented(explanation: Explanation): readonly string[] {
  const lines: string[] = [];
  const add = ({ is, part, parts }: Explanation, depth: number): void => {
    if (lines.length >= mostLines) return;
    lines.push(`${is ? 'true ' : 'false'} ${'  '.repeat(depth)}${printable(part, 300)}`);
    for (const one of parts) add(one, depth + 1);
  };
  add(explanation, 0);
  return lines;
}
