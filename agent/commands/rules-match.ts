import { createReadStream } from 'node:fs';
import { plainReason } from '../../base/errors.js';
import { CommandError, exitCodes } from '../../base/exit-codes.js';
import { printable } from '../../base/text.js';
import { Detector } from '../../detection/rules/detector.js';
import {
  EventLineError,
  longestEventBytes,
  parseEventLines,
} from '../../detection/rules/event-line.js';
import { LineSplitter } from '../replay/line-splitter.js';
import { readRules, saidRefusal } from './rules-report.js';

/** Lines that could not be read are named up to this number, and counted beyond it. */
const mostNamed = 20;

const warn = (sentence: string): void => void process.stderr.write(`${printable(sentence)}\n`);

/**
 * Judges the events of a file, a line of JSON each, and writes for each hit the number of its line, from 0.
 * @returns 0 when every line could be read
 */
export async function matchEvents(directory: string | undefined, file: string): Promise<number> {
  const set = await readRules(directory);
  for (const refusal of set.refusals) warn(saidRefusal(refusal));
  const detector = new Detector(set, {
    onSuspended: ({ id }, averageMs) =>
      warn(`${id} is judged no more: it takes ${averageMs.toFixed(1)} ms an event.`),
  });
  let unreadable = 0;
  let cut = 0;
  let output: string[] = [];
  const skip = (number: number, why: string): void => {
    if (++unreadable <= mostNamed) warn(`${file}, line ${number}: ${why}`);
  };
  const splitter = new LineSplitter(({ number, state, text }) => {
    if (state === 'too-long') {
      skip(number, `Shorten the event to ${longestEventBytes} bytes.`);
      return;
    }
    if (text.trim() === '') return;
    try {
      const verdicts = parseEventLines(text).map((event) => detector.judge(event));
      if (verdicts.some(({ isWhole }) => !isWhole)) cut++;
      const hits = new Map(
        verdicts.flatMap((verdict) =>
          verdict.hits.map(({ level = null, rule }) => [rule.id, level]),
        ),
      );
      for (const [rule, level] of hits)
        output.push(`${JSON.stringify({ event: number - 1, rule, level })}\n`);
    } catch (error) {
      if (!(error instanceof EventLineError)) throw error;
      skip(number, error.message);
    }
  }, longestEventBytes);
  try {
    for await (const chunk of file === '-' ? process.stdin : createReadStream(file)) {
      splitter.push(chunk as Buffer);
      if (!(await written(output.join('')))) return exitCodes.stopped;
      output = [];
    }
  } catch (error) {
    throw new CommandError(
      `${printable(file)} cannot be read: ${plainReason(error)}.`,
      exitCodes.configuration,
    );
  }
  splitter.end();
  await written(output.join(''));
  if (unreadable > mostNamed) warn(`${unreadable} lines could not be read.`);
  if (cut > 0) warn(`${cut} events were judged in part: they are too long, or took too long.`);
  return unreadable === 0 ? exitCodes.stopped : exitCodes.crashed;
}

/** Resolves with whether more is wanted: whoever reads may stop at any time (`| head`). */
function written(text: string): Promise<boolean> {
  if (text === '') return Promise.resolve(true);
  return new Promise((resolve) => {
    process.stdout.write(text, (error) => resolve(error === undefined || error === null));
  });
}
