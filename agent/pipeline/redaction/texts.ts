import { CommandReader } from './command.js';
import type { CommandFindings, Word } from './command-secrets.js';
import { fieldSpans, type TextKind } from './fields.js';
import { modemSpans } from './modem-commands.js';
import type { Reads } from './program.js';
import { shapeSpans } from './shapes.js';
import { parseShell, type ShellCommand } from './shell.js';
import { spanInText, type ShellWord } from './shell-word.js';
import type { Span } from './spans.js';
import { isSecretFile, secretsOfText, writtenSecrets } from './written.js';

/** Command lines within command lines are followed so deep; deeper ones are still searched for fields and shapes. */
const deepest = 6;

/** Every field and shape needs one of these characters or is longer. */
const plain = /^[\w.,/+-]{0,15}$/;
/** Options whose values are lists of fields, and those whose values are forms. */
const listOption = /^(?:-o|-O|--options?|--opts?|--set(?:-string)?|--simple-connect|--mount)$/;
const formOption = /^(?:-d|-F|--data(?:-\w+)*|--form(?:-string)?|--body(?:-data)?|--post-data)$/;

type Found = Reads['what'] | undefined;

/** Adds the secrets of one argument to `spans`. */
function argumentSpans(
  argument: string,
  kind: TextKind,
  depth: number,
  spans: Span[],
  secretFields?: RegExp,
): void {
  if (plain.test(argument)) return;
  textSpans(argument, kind, spans, secretFields);
  if (depth < deepest && /[ \t\n]/.test(argument)) scriptSpans(argument, depth + 1, spans);
}

/** An argument that is a header has its credential up to its end, quotes included. */
const header =
  /^["']?[\w-]{0,64}?(?:authorization|cookie)\s{0,8}:\s{0,8}(?:(?:bearer|basic|digest|negotiate|ntlm|token|apikey)\s{1,8})?(?=[^])/i;

function textSpans(text: string, kind: TextKind, spans: Span[], secretFields?: RegExp): void {
  const start = kind === 'argument' ? header.exec(text)?.[0] : undefined;
  if (
    start !== undefined &&
    !/^\$\{?\w+\}?["']?$/.test(text.slice(start.length, start.length + 96))
  )
    spans.push({
      start: start.length,
      end: text.length - (/^["']/.test(text) && text.endsWith(text.slice(0, 1)) ? 1 : 0),
    });
  if (/[=:]/.test(text)) fieldSpans(text, kind, spans, secretFields);
  shapeSpans(text, spans);
  if (text.includes('=')) modemSpans(text, spans);
}

/** Adds the secrets of one command's arguments, to the spans of each. */
export function commandSpans(
  argv: readonly string[],
  depth: number,
  spans: readonly Span[][],
): Found {
  const words = argv.map((value) => ({ value, expands: false }));
  return readCommand(words, depth, (index, span) => void spans[index]?.push(span));
}

type Report = (word: number, span: Span, isWhole: boolean) => void;

function readCommand(words: readonly Word[], depth: number, report: Report): Found {
  let inner: Found;
  /** Words that are read as command lines already. */
  const scripts = new Set<number>();
  /** Words whose names promise a secret that they have not. */
  const plainNames = new Set<number>();
  let shellFrom = words.length;
  const script = (index: number, from: number): void => {
    const text = words[index]?.value.slice(from) ?? '';
    scripts.add(index);
    const spans: Span[] = [];
    textSpans(text, 'script', spans);
    if (depth < deepest) inner ??= scriptSpans(text, depth + 1, spans);
    for (const { start, end } of spans)
      report(index, { start: start + from, end: end + from }, false);
  };
  const findings: CommandFindings = {
    secret: (index, start, end) => {
      report(index, { start, end }, true);
    },
    script,
    plain: (index) => void plainNames.add(index),
    shell: (index) => {
      shellFrom = index;
      inner ??= joinedSpans(words.slice(index), depth, (word, span) => {
        report(index + word, span, false);
      });
    },
  };
  const reader = new CommandReader(words, findings);
  reader.read();
  for (let index = 0; index < words.length; index++) {
    const word = words[index];
    if (word === undefined || scripts.has(index) || plain.test(word.value)) continue;
    const before = words[index - 1]?.value ?? '';
    const isShell = index >= shellFrom;
    const kind =
      isShell && words.length === shellFrom + 1
        ? 'script'
        : listOption.test(before)
          ? 'list'
          : formOption.test(before)
            ? 'form'
            : 'argument';
    const spans: Span[] = [];
    const within = reader.isQuiet || isShell ? deepest : depth;
    if (plainNames.has(index)) shapeSpans(word.value, spans);
    else argumentSpans(word.value, kind, within, spans, reader.fields);
    for (const span of spans) report(index, span, false);
  }
  return reader.reads ?? inner;
}

/** Words that a program joins with blanks for a shell. */
function joinedSpans(words: readonly Word[], depth: number, report: Report): Found {
  if (depth >= deepest) return undefined;
  const spans: Span[] = [];
  const found = scriptSpans(words.map(({ value }) => value).join(' '), depth + 1, spans);
  const starts: number[] = [];
  let length = 0;
  for (const { value } of words) {
    starts.push(length);
    length += value.length + 1;
  }
  let index = 0;
  for (const span of [...spans].sort((a, b) => a.start - b.start)) {
    while (index > 0 && (starts[index] ?? 0) > span.start) index--;
    while ((starts[index + 1] ?? Infinity) <= span.start) index++;
    for (let word = index; word < words.length && (starts[word] ?? 0) < span.end; word++) {
      const from = starts[word] ?? 0;
      const to = Math.min(span.end - from, words[word]?.value.length ?? 0);
      report(word, { start: Math.max(0, span.start - from), end: to }, false);
    }
  }
  return found;
}

/** Adds the secrets of a shell's command line; says whether a command of it reads one from its standard input. */
function scriptSpans(text: string, depth: number, spans: Span[]): Found {
  const commands = parseShell(text);
  const reads = new Map<ShellCommand, Reads['what']>();
  let first: Found;
  for (let index = commands.length - 1; index >= 0; index--) {
    const command = commands[index];
    if (command === undefined) continue;
    const { input, pipedInto, words } = command;
    const own = readCommand(words, depth, (word, span, isWhole) => {
      addWordSpan(text, words[word], span, isWhole, spans);
    });
    const further = pipedInto === undefined ? undefined : reads.get(pipedInto);
    const found = own ?? further;
    if (found !== undefined) reads.set(command, found);
    first = own ?? first;
    if (further !== undefined) addWritten(text, command, further, spans);
    else if (
      command.outputs.some(isSecretFile) ||
      (pipedInto !== undefined && writesSecretFile(pipedInto))
    )
      addWritten(text, command, 'secret', spans);
    if (input === undefined) continue;
    const isSecretText = command.outputs.some(isSecretFile);
    addInput(text, input, found ?? (isSecretText ? 'secret' : undefined), depth, spans);
  }
  return first;
}

function addWritten(text: string, command: ShellCommand, what: Reads['what'], spans: Span[]): void {
  for (const { word, start, end } of writtenSecrets(command, what))
    addWordSpan(text, command.words[word], { start, end }, false, spans);
}

function writesSecretFile({ words }: ShellCommand): boolean {
  return words.some(
    ({ value }, index) =>
      index > 0 &&
      /(?:^|\/)tee$/.test(
        words[0]?.value === 'sudo' ? (words[1]?.value ?? '') : (words[0]?.value ?? ''),
      ) &&
      isSecretFile(value),
  );
}

function addInput(text: string, input: ShellWord, what: Found, depth: number, spans: Span[]): void {
  const found = what === undefined ? [] : secretsOfText(input.value, what, input.expands);
  if (what === undefined) argumentSpans(input.value, 'argument', depth, found);
  for (const span of found) addWordSpan(text, input, span, false, spans);
}

/**
 * Adds a part of a word's value as it stands in the text. Quotes around a secret stay; they go with it where it begins
 * and ends in different ones, and where they hold the words of a whole argument together.
 */
function addWordSpan(
  text: string,
  word: ShellWord | undefined,
  span: Span,
  isWhole: boolean,
  spans: Span[],
): void {
  if (word === undefined || span.end <= span.start) return;
  const { start, end, isOnePiece } = spanInText(word, span);
  const isSpaced = isWhole && /\s/.test(text.slice(start, end));
  if (isOnePiece && !isSpaced) {
    spans.push({ start, end });
    return;
  }
  const opening = text[start - 1];
  const quoteStart = start > word.start && (opening === '"' || opening === "'") ? start - 1 : start;
  const atEnd = span.end === word.value.length;
  spans.push({ start: quoteStart, end: atEnd ? word.end : end });
}
