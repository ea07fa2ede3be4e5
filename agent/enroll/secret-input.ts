import type { Readable } from 'node:stream';
import { CommandError, exitCodes } from '../../base/exit-codes.js';
import { encodingFault, otherEncoding } from '../../base/text-encoding.js';

/** A connection string has a few hundred characters. */
const mostBytes = 65_536;

interface Terminal extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}

/** Reads a secret: all of the input, or one line without echo where somebody types it. @throws CommandError */
export function readSecret(
  input: Terminal,
  prompt: (text: string) => void,
  question = 'Connection string of the module',
): Promise<string> {
  if (input.isTTY !== true) return readToEnd(input);
  return readTyped(input, prompt, `${question} (not shown), then Enter: `, true);
}

/** Has somebody type what is no secret. @throws CommandError */
export async function readLine(
  input: Terminal,
  prompt: (text: string) => void,
  question: string,
): Promise<string> {
  return (await readTyped(input, prompt, `${question}: `, false)).trim();
}

async function readToEnd(input: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk as Buffer);
    length += bytes.length;
    if (length > mostBytes) {
      throw new CommandError(
        'The input is far too long for a secret; nothing was changed.',
        exitCodes.configuration,
      );
    }
    chunks.push(bytes);
  }
  const bytes = Buffer.concat(chunks);
  const encoding = otherEncoding(bytes);
  if (encoding !== undefined) {
    throw new CommandError(
      `The input ${encodingFault(encoding)}; nothing was changed.`,
      exitCodes.configuration,
    );
  }
  return bytes.toString('utf8');
}

const interrupt = '\u0003';
const endOfInput = '\u0004';
const erase = ['\u007f', '\b'];
/** What a terminal puts around pasted text (xterm, "bracketed paste mode"), and sends for keys such as the arrows. */
// eslint-disable-next-line no-control-regex -- such sequences begin with a control character
const terminalSequence = /\u001b\[[0-9;]*[A-Za-z~]/g;

function readTyped(
  input: Terminal,
  prompt: (text: string) => void,
  question: string,
  isHidden: boolean,
): Promise<string> {
  prompt(question);
  return new Promise((resolve, reject) => {
    let typed = '';
    const done = (settle: () => void): void => {
      input.off('data', take);
      if (isHidden) input.setRawMode?.(false);
      input.pause();
      // Otherwise the terminal has shown it, with the end of the line.
      if (isHidden) prompt('\n');
      settle();
    };
    const take = (chunk: Buffer): void => {
      for (const character of chunk.toString('utf8')) {
        if (character === interrupt) {
          const error = new CommandError('Interrupted; nothing was changed.', exitCodes.crashed);
          done(() => reject(error));
          return;
        }
        if (character === '\r' || character === '\n' || character === endOfInput) {
          const text = typed.replace(terminalSequence, '');
          // A line end before anything else: Enter was pressed once too often, or the copied text begins with it.
          if (text.trim() === '' && character !== endOfInput) continue;
          done(() => resolve(text));
          return;
        }
        if (erase.includes(character)) typed = typed.slice(0, -1);
        else if (typed.length < mostBytes) typed += character;
      }
    };
    if (isHidden) input.setRawMode?.(true);
    input.on('data', take);
    input.resume();
  });
}
