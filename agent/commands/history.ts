import { join } from 'node:path';
import { systemClock } from '../../base/clock.js';
import { parseDuration } from '../../base/duration.js';
import { hasCode, plainReason } from '../../base/errors.js';
import { CommandError, exitCodes } from '../../base/exit-codes.js';
import { quoted } from '../../base/quote.js';
import { printable } from '../../base/text.js';
import { standardLocalSettings } from '../../config/parse-local-settings.js';
import { defaultConfigFile, readLocalSettings } from '../../config/read-local-settings.js';
import { eventNames } from '../../contract/events.js';
import { type Kept, readHistory } from '../history/reading.js';
import { linesOf, type Span, within } from '../history/telling.js';
import { systemFiles } from '../spool/files.js';
import { stateNames } from '../state/state-directory.js';
import { configOption, type Command } from './command.js';

export const historyCommand: Command = {
  name: 'history',
  meaning:
    'As root: prints the logins, changes and alerts that the device has kept, the oldest first, also what is not sent yet.',
  options: {
    config: configOption,
    since: {
      type: 'string',
      value: 'TIME',
      meaning:
        'From when on: a duration before now (PT2H, P1D), or a time in UTC (2026-01-31T08:00:00Z).',
    },
    until: { type: 'string', value: 'TIME', meaning: 'Until when, in the same forms.' },
    event: {
      type: 'string',
      value: 'NAME',
      repeated: true,
      meaning: 'Only events of this name; may be given several times.',
    },
    json: { type: 'boolean', meaning: 'Print each event as it was sent, one line of JSON each.' },
    'state-directory': {
      type: 'string',
      value: 'DIR',
      meaning: 'Where the state of the agent is, when the configuration does not say it.',
    },
  },
  exitCodes: {
    [exitCodes.stopped]: 'All that is kept was printed, perhaps nothing.',
    [exitCodes.crashed]: 'A part of it could not be read; the rest was printed.',
    [exitCodes.noPermission]: 'This user may not read it.',
    [exitCodes.configuration]: 'The options are wrong.',
  },
  run: async (parsed) =>
    history({
      stateDirectory:
        parsed.text('state-directory') ??
        (await stateDirectoryOf(parsed.text('config') ?? defaultConfigFile)),
      since: parsed.text('since'),
      until: parsed.text('until'),
      names: parsed.texts('event'),
      json: parsed.flag('json'),
      nowMs: systemClock.wallMs(),
      write: (text) => void process.stdout.write(text),
      warn: (sentence) => void process.stderr.write(`${printable(sentence)}\n`),
    }),
};

interface HistoryCommandOptions {
  readonly stateDirectory: string;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  /** All of them when empty. */
  readonly names: readonly string[];
  readonly json: boolean;
  readonly nowMs: number;
  readonly write: (text: string) => void;
  readonly warn: (sentence: string) => void;
}

/** Changes nothing, and disturbs no agent that runs. @throws CommandError for what the caller has to mend */
export async function history(options: HistoryCommandOptions): Promise<number> {
  const { json, names, nowMs, stateDirectory, warn, write } = options;
  const span: Span = {
    fromMs: timeOf('since', options.since, nowMs) ?? -Infinity,
    toMs: timeOf('until', options.until, nowMs) ?? Infinity,
  };
  const unknown = names.find((name) => !eventNames.some((known) => known === name));
  if (unknown !== undefined)
    throw new CommandError(
      `There is no event ${quoted(unknown)}; name one of ${eventNames.join(', ')}.`,
      exitCodes.configuration,
    );
  const { events, damaged } = await keptIn(stateDirectory);
  const chosen = events.filter(({ name }) => names.length === 0 || names.includes(name));
  const lines = json ? within(chosen, span).map((event) => event.json) : linesOf(chosen, span);
  for (const line of lines) write(`${line}\n`);
  if (lines.length === 0)
    warn(`Nothing of that is kept in ${stateDirectory}, and nothing of it waits for the hub.`);
  if (damaged > 0)
    warn(
      damaged === 1
        ? 'One record is damaged and not among them.'
        : `${damaged} records are damaged and not among them.`,
    );
  return damaged > 0 ? exitCodes.crashed : exitCodes.stopped;
}

/** @returns undefined when it is not given */
function timeOf(option: string, text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const before = parseDuration(text);
  if (before !== undefined) return nowMs - before.ms;
  const isUtc = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z)?$/.test(text);
  const timeMs = isUtc ? Date.parse(text) : NaN;
  if (Number.isNaN(timeMs))
    throw new CommandError(
      `--${option} ${quoted(text)} is neither a duration nor a time in UTC; write it like PT2H, P1D, 2026-01-31 or 2026-01-31T08:00:00Z.`,
      exitCodes.configuration,
    );
  return timeMs;
}

async function keptIn(stateDirectory: string): Promise<Kept> {
  try {
    return await readHistory(systemFiles, stateDirectory);
  } catch (error) {
    const place = join(stateDirectory, stateNames.history);
    const mayNot = hasCode(error, 'EACCES', 'EPERM');
    throw new CommandError(
      `What the device keeps in ${place} cannot be read: ${plainReason(error)}; ${mayNot ? 'run this as root' : 'check the file system'}.`,
      mayNot ? exitCodes.noPermission : exitCodes.crashed,
    );
  }
}

/** A configuration that is broken is no reason not to tell: then the standard place is. */
async function stateDirectoryOf(configFile: string): Promise<string> {
  const read = await readLocalSettings(configFile);
  return ('settings' in read ? read.settings : standardLocalSettings()).stateDirectory;
}
