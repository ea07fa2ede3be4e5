import { CommandError, exitCodes } from '../../base/exit-codes.js';
import type { Command, ParsedArguments } from './command.js';

export const rulesCommand: Command = {
  name: 'rules',
  operands: 'list | check [DIR] | test [DIR] | match | explain ID EVENT',
  operandMeanings: {
    list: 'Every rule with its level, and what it needs that the events of this agent do not have.',
    'check DIR': 'Whether the rules of a directory can be used, and why not: exit 0 or 78.',
    'test DIR':
      'Whether the rules are true of the examples in them, and of none that they shall pass.',
    match: 'Which events of a file raise which rules, one line of JSON each; needs no hub.',
    'explain ID EVENT':
      'Which parts of the condition of a rule are true of an event, which is a line as match reads it.',
  },
  operandChoices: ['list', 'check', 'test', 'match', 'explain'],
  meaning: 'Shows, checks and tries rules of detection, in the language Sigma.',
  options: {
    rules: {
      type: 'string',
      value: 'DIR',
      meaning:
        'The directory of the rules, with those in it. Without it: the rules that the agent brings along, and those in /etc/iot-security-agent/rules.d, of which one takes the place of another with its id.',
    },
    events: {
      type: 'string',
      value: 'FILE',
      meaning:
        'For match: a file with a line of JSON for each event, its logsource, event and timeMs, or as the hub is told it; - is the input.',
    },
    json: { type: 'boolean', meaning: 'For list: one line of JSON for each rule.' },
  },
  exitCodes: {
    [exitCodes.stopped]: 'Everything is as it should be.',
    [exitCodes.crashed]: 'An example is not what it says, or an event could not be read.',
    [exitCodes.configuration]: 'Rules or arguments cannot be used.',
  },
  run: async (parsed) => {
    const [verb, ...operands] = parsed.operands;
    const work = verb !== undefined && Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
    if (work === undefined)
      throw unusable(
        'Say what to do: rules list, check [DIR], test [DIR], match or explain ID EVENT.',
      );
    return work(parsed, operands);
  },
};

type Verb = (parsed: ParsedArguments, operands: readonly string[]) => Promise<number>;

/** What reads rules is a lot to load for whoever does not ask for them. */
const verbs: Readonly<Record<string, Verb>> = {
  list: async (parsed) => {
    const { listRules } = await import('./rules-report.js');
    return listRules(directoryOf(parsed), parsed.flag('json'));
  },
  check: async (parsed, [directory]) => {
    const { checkRules } = await import('./rules-report.js');
    return checkRules(directory ?? directoryOf(parsed));
  },
  test: async (parsed, [directory]) => {
    const { testRules } = await import('./rules-report.js');
    return testRules(directory ?? directoryOf(parsed));
  },
  match: async (parsed) => {
    const events = parsed.text('events');
    if (events === undefined) throw unusable('Name the file of the events with --events FILE.');
    const { matchEvents } = await import('./rules-match.js');
    return matchEvents(directoryOf(parsed), events);
  },
  explain: async (parsed, [id, event]) => {
    if (id === undefined || event === undefined)
      throw unusable('Name the id of the rule, and give the event as a line of JSON.');
    const { explainRule } = await import('./rules-report.js');
    return explainRule(directoryOf(parsed), id, event);
  },
};

const directoryOf = (parsed: ParsedArguments): string | undefined => parsed.text('rules');

const unusable = (message: string): CommandError =>
  new CommandError(message, exitCodes.configuration);
