import type { ShellWord } from './shell-word.js';

/** One command of a command line. */
export interface ShellCommand {
  readonly words: ShellWord[];
  /** What the command reads: the text of `<<<` or of a here-document. */
  input: ShellWord | undefined;
  /** The files that it writes to. */
  readonly outputs: string[];
  /** The command that reads what this one writes. */
  pipedInto: ShellCommand | undefined;
}

/** Substitutions within substitutions are followed so deep. */
const deepest = 16;
/** So many commands of a group are taken for those that write to a pipe. */
const mostWriters = 64;

/**
 * The commands of a command line, those within `$(…)`, backticks and parentheses among them. Reads each character a
 * bounded number of times, whatever it is. A single quote that is never closed is an ordinary character, and a double
 * one holds the rest together, because command lines may have been cut.
 */
export function parseShell(text: string): ShellCommand[] {
  return new ShellParser(text).parse();
}

const redirection = /(?:\d{0,3}|&)(?:<<<|<<-?|<>|[<>]&|>>|>\||<(?!\()|>(?!\())/y;

interface HereDocument {
  readonly command: ShellCommand;
  readonly mark: string;
  readonly expands: boolean;
  readonly stripsTabs: boolean;
}

/** Puts a piece of the text into the value of a word. */
type AddPiece = (from: number, to: number) => void;

class ShellParser {
  private at = 0;
  private limit: number;
  private readonly commands: ShellCommand[] = [];
  private readonly lastSingle: number;
  private readonly lastDouble: number;
  private documents: HereDocument[] = [];
  private depth = 0;

  constructor(private readonly text: string) {
    this.limit = text.length;
    this.lastSingle = text.lastIndexOf("'");
    this.lastDouble = text.lastIndexOf('"');
  }

  parse(): ShellCommand[] {
    this.list(false);
    return this.commands;
  }

  /** Commands up to the end, or up to the parenthesis that closes a substitution. */
  private list(isSubstitution: boolean): void {
    const { text } = this;
    const groups: number[] = [];
    /** The commands whose output a `|` would take: one, or those of a group. */
    let writersFrom = this.commands.length;
    let waiting: ShellCommand[] = [];
    let command: ShellCommand | undefined;
    let target: 'input' | 'output' | 'document' | 'documentWithoutTabs' | 'other' | undefined;
    const current = (): ShellCommand => {
      if (command === undefined) {
        command = { words: [], input: undefined, outputs: [], pipedInto: undefined };
        for (const writer of waiting) writer.pipedInto = command;
        waiting = [];
        writersFrom = this.commands.length;
        this.commands.push(command);
      }
      return command;
    };
    while (this.at < this.limit) {
      const character = text[this.at] ?? '';
      if (character === ' ' || character === '\t') {
        this.at++;
        continue;
      }
      redirection.lastIndex = this.at;
      const operator = isRedirectionStart(character) ? redirection.exec(text)?.[0] : undefined;
      if (operator !== undefined) {
        this.at += operator.length;
        target = operator.endsWith('<<<')
          ? 'input'
          : operator.endsWith('<<-')
            ? 'documentWithoutTabs'
            : operator.endsWith('<<')
              ? 'document'
              : operator.includes('>')
                ? 'output'
                : 'other';
        continue;
      }
      if (isOperator(character)) {
        this.at++;
        target = undefined;
        if (character === '(') groups.push(this.commands.length);
        else if (character === ')') {
          const from = groups.pop();
          if (from === undefined && isSubstitution) return;
          writersFrom = from ?? writersFrom;
        } else if (character === '|' && text[this.at] !== '|' && text[this.at - 2] !== '|') {
          waiting = this.commands.slice(Math.max(writersFrom, this.commands.length - mostWriters));
          if (text[this.at] === '&') this.at++;
        } else {
          waiting = [];
          if (character === '\n') this.readDocuments();
        }
        command = undefined;
        continue;
      }
      const reader = current();
      const word = this.word();
      if (target !== undefined) {
        if (target === 'input') reader.input = word;
        else if (target === 'output') reader.outputs.push(word.value);
        else if (target !== 'other') {
          const expands = word.end - word.start === word.value.length;
          const stripsTabs = target === 'documentWithoutTabs';
          this.documents.push({ command: reader, mark: word.value, expands, stripsTabs });
        }
        target = undefined;
      } else if (word.value === '{' && reader.words.length === 0) {
        groups.push(this.commands.length - 1);
        command = undefined;
      } else if (word.value === '}' && reader.words.length === 0 && groups.length > 0) {
        writersFrom = groups.pop() ?? writersFrom;
      } else reader.words.push(word);
    }
  }

  private word(): ShellWord {
    const { text } = this;
    const start = this.at;
    const pieces: string[] = [];
    const parts: number[] = [];
    let length = 0;
    let expands = false;
    const add = (from: number, to: number): void => {
      if (to <= from) return;
      parts.push(length, from);
      pieces.push(text.slice(from, to));
      length += to - from;
    };
    let plainFrom = start;
    while (this.at < this.limit) {
      const character = text[this.at] ?? '';
      if (isBlank(character) || isOperator(character)) break;
      if (character === '\\' && this.at + 1 < this.limit) {
        add(plainFrom, this.at);
        plainFrom = this.at + 1;
        if (text[plainFrom] === '\n') plainFrom++;
        this.at += 2;
      } else if (character === "'" && this.at < this.lastSingle) {
        add(plainFrom, this.at);
        const end = text.indexOf("'", this.at + 1);
        add(this.at + 1, Math.min(end, this.limit));
        this.at = plainFrom = Math.min(end + 1, this.limit);
      } else if (character === '"' && this.at < this.lastDouble) {
        add(plainFrom, this.at);
        this.at++;
        expands = this.doubleQuoted(add) || expands;
        plainFrom = this.at;
      } else if (character === '$' || character === '`' || character === '<' || character === '>') {
        if (character === '$' && (text[this.at + 1] === "'" || text[this.at + 1] === '"')) {
          add(plainFrom, this.at);
          plainFrom = this.at + 1;
          this.at++;
        } else {
          expands ||= character === '$' || character === '`';
          plainFrom = this.around(character, plainFrom, add);
        }
      } else this.at++;
    }
    add(plainFrom, Math.min(this.at, this.limit));
    if (parts.length === 0) parts.push(0, start);
    return { start, end: this.at, value: pieces.join(''), expands, parts };
  }

  /** Reads up to the closing quote; says whether values are put in place in it. */
  private doubleQuoted(add: AddPiece): boolean {
    const { text } = this;
    let expands = false;
    let plainFrom = this.at;
    while (this.at < this.limit) {
      const character = text[this.at];
      if (character === '"') {
        add(plainFrom, this.at);
        this.at++;
        return expands;
      }
      if (character === '\\' && '"\\$`\n'.includes(text[this.at + 1] ?? ' ')) {
        add(plainFrom, this.at);
        plainFrom = this.at + 1;
        this.at += 2;
      } else if (character === '$' || character === '`') {
        expands = true;
        plainFrom = this.around(character, plainFrom, add);
      } else this.at++;
    }
    this.at = this.limit;
    add(plainFrom, this.at);
    return expands;
  }

  /** Leaves what a substitution holds out of the word; says from where on the word goes on. */
  private around(character: string, plainFrom: number, add: AddPiece): number {
    const inner = this.substitution(character);
    if (inner === undefined) return plainFrom;
    add(plainFrom, inner.before);
    return this.at++;
  }

  /**
   * Follows `$(…)`, `` `…` ``, `<(…)` and `>(…)`, whose commands are told by themselves: of the word they leave the
   * marks alone. Says how far into the text the word reaches before them, and undefined when there is none.
   */
  private substitution(character: string): { readonly before: number } | undefined {
    const { text } = this;
    const isBacktick = character === '`';
    const end = isBacktick ? text.indexOf('`', this.at + 1) : -1;
    if (
      this.depth >= deepest ||
      (isBacktick ? end < 0 || end >= this.limit : text[this.at + 1] !== '(')
    ) {
      this.at++;
      return undefined;
    }
    this.depth++;
    const { limit, documents } = this;
    this.documents = [];
    this.at += isBacktick ? 1 : 2;
    const before = this.at;
    if (isBacktick) this.limit = end;
    this.list(!isBacktick);
    this.at = isBacktick ? end : Math.max(before, this.at - 1);
    this.limit = limit;
    this.documents = documents;
    this.depth--;
    return { before };
  }

  private readDocuments(): void {
    const { text } = this;
    for (const { command, mark, expands, stripsTabs } of this.documents) {
      const start = this.at;
      let end = this.limit;
      let after = this.limit;
      for (let from = start; from < this.limit;) {
        const lineEnd = text.indexOf('\n', from);
        const to = lineEnd < 0 || lineEnd > this.limit ? this.limit : lineEnd;
        const line = text.slice(from, to);
        if ((stripsTabs ? line.replace(/^\t+/, '') : line) === mark) {
          end = from;
          after = to;
          break;
        }
        from = to + 1;
      }
      command.input = { start, end, value: text.slice(start, end), expands, parts: [0, start] };
      this.at = after;
    }
    this.documents = [];
  }
}

function isRedirectionStart(character: string): boolean {
  return (
    character === '<' ||
    character === '>' ||
    character === '&' ||
    (character >= '0' && character <= '9')
  );
}

function isBlank(character: string): boolean {
  return character === ' ' || character === '\t';
}

function isOperator(character: string): boolean {
  return (
    character === ';' ||
    character === '|' ||
    character === '&' ||
    character === '(' ||
    character === ')' ||
    character === '\n' ||
    character === '\r'
  );
}
