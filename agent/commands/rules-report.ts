import { CommandError, exitCodes } from '../../base/exit-codes.js';
import { printable } from '../../base/text.js';
import { type Explanation, explain } from '../../detection/engine/explain.js';
import type { SigmaEvent } from '../../detection/engine/event-view.js';
import { covers, saidLogsource } from '../../detection/language/document.js';
import type { Refusal } from '../../detection/language/read-rules.js';
import { EventLineError, parseEventLines } from '../../detection/rules/event-line.js';
import { runExamples } from '../../detection/rules/examples.js';
import { DirectoryError, readRuleDirectories } from '../../detection/rules/read-directory.js';
import type { RuleSet } from '../../detection/rules/rule-set.js';
import { builtinRulesDirectory, localRulesDirectory } from '../rule-supply/places.js';

/**
 * The rules of a directory; without one those that the agent brings along, and those of the device.
 * @throws CommandError when there is no such directory
 */
export async function readRules(directory: string | undefined): Promise<RuleSet> {
  const builtin = builtinRulesDirectory();
  try {
    return await readRuleDirectories(
      directory === undefined
        ? [
            { path: builtin, origin: 'builtin' },
            { path: localRulesDirectory, origin: 'local', optional: true },
          ]
        : [{ path: directory, origin: 'local' }],
    );
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error;
    const path = directory ?? `${localRulesDirectory} or ${builtin}`;
    throw new CommandError(`${printable(path)} ${error.message}.`, exitCodes.configuration);
  }
}

type Directory = string | undefined;

/** `file, line 3: Reason.` */
export const saidRefusal = ({ file, line, reason }: Refusal): string =>
  printable(`${file}${line === undefined ? '' : `, line ${line}`}: ${reason}`);

const say = (text: string): void => void process.stdout.write(`${text}\n`);

export async function listRules(directory: Directory, asJson: boolean): Promise<number> {
  const { correlations, refusals, rules } = await readRules(directory);
  const all = [
    ...rules.map(
      ({ file, id, isSilent, level, needs, source, tags, title, valueNames: values }) => {
        return { id, level, title, needs, tags, values, source, file, isSilent };
      },
    ),
    ...correlations.map(({ correlation, isSilent, level }) => {
      const { file, id, source, tags, title, valueNames: values } = correlation;
      return { id, level, title, needs: [], tags, values, source, file, isSilent };
    }),
  ];
  if (asJson) for (const rule of all) say(JSON.stringify(rule));
  else
    for (const { id, isSilent, level = 'no level', needs, source, title } of all) {
      const serves = isSilent ? ' (serves a correlation)' : '';
      say(`${level.padEnd(13)} ${source.padEnd(7)} ${printable(id)}  ${printable(title)}${serves}`);
      for (const need of needs) say(`${''.padEnd(14)}needs ${printable(need)}`);
    }
  for (const refusal of refusals) process.stderr.write(`${saidRefusal(refusal)}\n`);
  return exitCodes.stopped;
}

export async function checkRules(directory: Directory): Promise<number> {
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

export async function testRules(directory: Directory): Promise<number> {
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

export async function explainRule(directory: Directory, id: string, text: string): Promise<number> {
  const { correlations, rules } = await readRules(directory);
  const rule = rules.find((one) => one.id === id || one.name === id);
  if (rule === undefined) {
    const isCorrelation = correlations.some(({ correlation }) => correlation.id === id);
    throw new CommandError(
      isCorrelation
        ? `${printable(id)} is a correlation: explain one of the rules that it is made of.`
        : `There is no rule ${printable(id)} ${directory === undefined ? '' : `in ${printable(directory)} `}that can be used; rules check tells why.`,
      exitCodes.configuration,
    );
  }
  try {
    const events = parseEventLines(text);
    const [only] = events;
    // What is written for the rule need not say its log source again.
    const isAbout = ({ logsource }: SigmaEvent): boolean =>
      Object.keys(logsource).length === 0 || covers(rule.logsource, logsource);
    const judged = events.length === 1 && only !== undefined ? [only] : events.filter(isAbout);
    if (judged.length === 0)
      say(`false The rule is about ${saidLogsource(rule.logsource)}, which the event is none of.`);
    for (const event of judged)
      for (const line of indented(explain(rule.expression, event))) say(line);
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
