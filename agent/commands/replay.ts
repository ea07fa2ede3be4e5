import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { plainReason } from '../../base/errors.js';
import { CommandError, exitCodes } from '../../base/exit-codes.js';
import { type LossCause, lossCauses } from '../../base/loss.js';
import { printable } from '../../base/text.js';
import type { Judge } from '../detection/judge.js';
import { LineSplitter } from '../replay/line-splitter.js';
import { Replay } from '../replay/replay.js';
import type { Command } from './command.js';

export const replayCommand: Command = {
  name: 'replay',
  operands: 'FILE… | -',
  operandMeanings: {
    FILE: 'An audit log, as auditd or the kernel writes it; of rotated logs the oldest first.',
    '-': 'Standard input.',
  },
  operandChoices: 'files',
  meaning: 'Prints the events that recorded audit logs hold, one line of JSON each.',
  options: {
    rules: {
      type: 'string',
      value: 'DIR',
      meaning:
        'Prints only the events that rules of this directory raise an alert of, with the members that say which. A log holds programs, connections and logins.',
    },
    alerts: {
      type: 'boolean',
      meaning: 'The same by the rules that the agent brings along, and those of the device.',
    },
  },
  run: async (parsed) => {
    const directory = parsed.text('rules');
    const rules =
      directory === undefined && !parsed.flag('alerts') ? undefined : await rulesIn(directory);
    return replay({
      ...(rules !== undefined && { rules }),
      files: parsed.operands,
      stdin: process.stdin,
      write: writeTo(process.stdout),
      warn,
    });
  },
};

const warn = (sentence: string): void => void process.stderr.write(`${printable(sentence)}\n`);

/** What reads and judges rules is loaded for whoever asks for it. */
export async function rulesIn(directory: string | undefined): Promise<Pick<Judge, 'judge'>> {
  const [{ readRules, saidRefusal }, { Judge }] = await Promise.all([
    import('./rules-report.js'),
    import('../detection/judge.js'),
  ]);
  const set = await readRules(directory);
  for (const refusal of set.refusals) warn(saidRefusal(refusal));
  return new Judge(set, {
    lose: (cause, count) => warn(`${count} × ${cause}: ${lossCauses[cause]}`),
    onSuspended: ({ id }, averageMs) =>
      warn(`${id} is judged no more: it takes ${averageMs.toFixed(1)} ms an event.`),
  });
}

interface ReplayCommandOptions {
  /** Read in this order, `-` for `stdin`: rotated logs from the oldest to the youngest. */
  readonly files: readonly string[];
  readonly stdin: Readable;
  /** Then only what they make an alert of is written. */
  readonly rules?: Pick<Judge, 'judge'>;
  /** Resolves with whether more is wanted, when there is room for more. */
  readonly write: (text: string) => Promise<boolean>;
  readonly warn: (sentence: string) => void;
}

/** Lines that could not be used are named up to this number, and counted beyond it. */
const mostNamed = 20;

/**
 * Reads recorded audit logs and writes their events, unaggregated. Nothing but the files is read, in constant memory.
 * @returns 0 when every file was read to its end and there was a record in them, or nothing at all
 */
export async function replay(options: ReplayCommandOptions): Promise<number> {
  const { files, warn, write } = options;
  if (files.length === 0) {
    throw new CommandError(
      'Name the audit logs to read, or - for the input.',
      exitCodes.configuration,
    );
  }
  let file = '';
  let malformed = 0;
  let output: string[] = [];
  const losses = new Map<LossCause, number>();
  const reading = new Replay({
    ...(options.rules !== undefined && { rules: options.rules }),
    onEvent: (event) => output.push(`${JSON.stringify(event)}\n`),
    onMalformed: (line, why) => {
      malformed++;
      if (malformed <= mostNamed)
        warn(`${file}, line ${line.number} cannot be used as it is: ${why}.`);
      if (malformed === mostNamed + 1) warn('More such lines are counted, not named.');
    },
    lose: (cause, count) => losses.set(cause, (losses.get(cause) ?? 0) + count),
  });
  const flush = async (): Promise<boolean> => {
    const text = output.join('');
    output = [];
    return text === '' || (await write(text));
  };
  let unreadable = 0;
  for (file of files) {
    const splitter = new LineSplitter((line) => reading.push(line));
    const input = file === '-' ? options.stdin : createReadStream(file);
    try {
      for await (const chunk of input) {
        splitter.push(chunk as Buffer);
        if (!(await flush())) return exitCodes.stopped;
      }
    } catch (error) {
      unreadable++;
      warn(`${file} cannot be read: ${plainReason(error)}.`);
    }
    splitter.end();
  }
  reading.end();
  await flush();
  if (malformed === 1) warn('1 line could not be used as it is.');
  if (malformed > 1) warn(`${malformed} lines could not be used as they are.`);
  for (const [cause, count] of losses) warn(`${count} × ${cause}: ${lossCauses[cause]}`);
  const isOther = malformed > 0 && reading.records === 0;
  if (isOther)
    warn('Not one line was a record of audit: name logs as auditd or the kernel writes them.');
  return unreadable === 0 && !isOther ? exitCodes.stopped : exitCodes.crashed;
}

/** Whoever reads our output may stop reading at any time (`| head`): that is an end, not an error. */
function writeTo(stream: NodeJS.WriteStream): ReplayCommandOptions['write'] {
  return (text) =>
    new Promise((resolve) => {
      stream.write(text, (error) => resolve(error === undefined || error === null));
    });
}
