import { programTable, programsWithSubcommands } from './programs.js';
import type { Login, Program, Reads } from './program.js';
import { isReference, isSecretValue, looksRandom, secretNameKind } from './secret-names.js';

/** A word of one command. */
export interface Word {
  readonly value: string;
  /** Whether a shell puts values in place of `$NAME` in it. */
  readonly expands: boolean;
}

/** What was found in one command. */
export interface CommandFindings {
  /** A secret within a word; the end exclusive. */
  secret(word: number, start: number, end: number): void;
  /** From this place of the word on it is a command line, or the text of a program. */
  script(word: number, from: number): void;
  /** This word and all after it are joined and given to a shell. */
  shell(word: number): void;
  /** The option is named like a secret, and its value behind the `=` is none. */
  plain(word: number): void;
}

/** Longer words name neither an option nor a program. */
const longestName = 128;
const assignment = /^[A-Za-z_]\w*\+?=/;
/** Before the name of a setting and its value. */
const settingVerbs: ReadonlySet<string> = new Set([
  'set',
  'config',
  'put',
  '--global',
  '--local',
  '--system',
  '--add',
  'fw_setenv',
  'setprop',
  'setenv',
]);
const scriptOption = /^--(?:command|cmd|exec|eval|execute)=/;
const anOption = /^--?[A-Za-z][\w-]*(?:=.*)?$/;
const versioned = /^([a-z]+)-?\d[\d.]*$/;
/** What services want behind the colon where the user is a token. */
const noPassword = /^(?:x|x-oauth-basic|api_?token|token|unused|none|null)?$/i;
/** In other options a number or a mode follows. */
const optionName = /^(?:--?|\+)([A-Za-z_@][\w.@[\]-]{0,95})$/;

/**
 * Finds the secrets of one command. The program is its first word, or that behind a program that runs another one;
 * where the first is not known, every further word may be the program, because there are more wrappers than any table
 * has.
 */
export class CommandReader {
  /** What the command takes from its standard input. */
  reads: Reads['what'] | undefined;
  /** Whether words of the command are told to be no command lines. */
  isQuiet = false;
  /** Names of fields that are secrets in this command. */
  fields: RegExp | undefined;

  private program: Program | undefined;
  private name = '';
  /** Where the next word is a program for certain, may be one, or is an argument. */
  private position: 'program' | 'perhaps' | 'argument' = 'program';
  private script: RegExp | undefined;
  private operandsBefore = 0;
  private operands = 0;
  /** Between a program that runs a command and that command. */
  private isCarrying = false;
  /** Arguments after which a command begins. */
  private marks: ReadonlySet<string> | undefined;

  constructor(
    private readonly words: readonly Word[],
    private readonly found: CommandFindings,
  ) {}

  read(): void {
    const { words, found } = this;
    for (let index = 0; index < words.length; index++) {
      const word = words[index];
      if (word === undefined) return;
      const { value } = word;
      const { program } = this;
      if (value.length > longestName) {
        if (this.readLong(index, word) === 'rest') return;
        continue;
      }
      if (this.marks?.has(value) === true) {
        this.position = 'program';
        continue;
      }
      if (this.position === 'program' && !this.isBeforeShell() && assignment.test(value)) continue;
      if (program !== undefined && this.readOption(index, word, program)) {
        if (this.takesNext(value, program)) index++;
        continue;
      }
      if (isOptionLike(value)) {
        const equals = value.indexOf('=');
        if (equals > 0 && program?.plain?.has(value.slice(0, equals)) === true) {
          found.plain(index);
          continue;
        }
        if (this.script?.test(value) === true && index + 1 < words.length) {
          found.script(++index, 0);
          continue;
        }
        const inline = scriptOption.exec(value)?.[0];
        if (inline !== undefined) found.script(index, inline.length);
        if (this.isCarrying && program?.carries?.valued?.has(value) === true) index++;
        else if (this.readNamed(index, value, program) || this.readAfterUser(index, value)) index++;
        continue;
      }
      if (this.isCarrying && this.operandsBefore > 0) {
        this.operandsBefore--;
        continue;
      }
      if (this.isBeforeShell()) {
        found.shell(index);
        return;
      }
      if (this.isSetting(index)) {
        this.secretWord(++index);
        continue;
      }
      this.recognise(value);
    }
  }

  /** Whether the next argument that is no option begins what a shell is given. */
  private isBeforeShell(): boolean {
    return this.isCarrying && this.operandsBefore === 0 && this.program?.carries?.isShell === true;
  }

  /** Says `rest` when the word and all after it are for a shell. */
  private readLong(index: number, { value }: Word): 'word' | 'rest' {
    const { found, program } = this;
    const glued = program?.glued?.exec(value) ?? program?.login?.glued?.exec(value);
    if (glued) found.secret(index, glued[0].length, value.length);
    const inline = scriptOption.exec(value.slice(0, 16))?.[0];
    if (inline !== undefined) found.script(index, inline.length);
    if (value.startsWith('-')) return 'word';
    if (this.isSecretOperand(value)) this.secretWord(index);
    else if (this.isCarrying && this.operandsBefore > 0) this.operandsBefore--;
    else if (this.isBeforeShell()) {
      found.shell(index);
      return 'rest';
    } else if (this.position === 'program') this.position = 'perhaps';
    return 'word';
  }

  /** Whether the table tells what the word is. */
  private readOption(index: number, word: Word, program: Program): boolean {
    const { value } = word;
    const { found, words } = this;
    if (program.reads !== undefined && program.reads.when?.test(value) === true)
      this.reads = program.reads.what;
    if (program.next?.has(value) === true || program.nextAfter?.test(value) === true) {
      this.secretWord(index + 1);
      return true;
    }
    if (program.nextButOne?.test(value) === true) {
      this.secretWord(index + 2);
      return true;
    }
    if (program.login?.options.test(value) === true) {
      this.loginWord(index + 1, program.login);
      return true;
    }
    const loginStart = program.login?.glued?.exec(value)?.[0];
    if (program.login !== undefined && loginStart !== undefined) {
      this.loginWord(index, program.login, loginStart.length);
      return true;
    }
    if (program.file?.test(value) === true) {
      this.loginWord(index + 1, { separator: ':' });
      return true;
    }
    const glued = program.glued?.exec(value)?.[0];
    if (glued !== undefined) {
      if (!(words[index]?.expands === true && isReference(value.slice(glued.length))))
        found.secret(
          index,
          glued.length,
          value.length - (program.gluedTail?.exec(value)?.[0].length ?? 0),
        );
      return true;
    }
    if (program.operand === undefined) return false;
    if (this.isSecretOperand(value)) {
      this.secretWord(index);
      return true;
    }
    return program.operand.valued?.test(value) === true;
  }

  /** Whether the argument after this option belongs to it. */
  private takesNext(value: string, program: Program): boolean {
    return (
      program.next?.has(value) === true ||
      program.nextAfter?.test(value) === true ||
      program.nextButOne?.test(value) === true ||
      program.login?.options.test(value) === true ||
      program.file?.test(value) === true ||
      program.operand?.valued?.test(value) === true
    );
  }

  private isSecretOperand(value: string): boolean {
    const secret = this.program?.operand;
    if (secret === undefined) return false;
    if (value.startsWith('-') && value !== '-') {
      if (secret.inPlace?.test(value) === true) this.operands++;
      return false;
    }
    this.operands++;
    return (
      secret.at.includes(this.operands) ||
      (secret.andRest === true && this.operands > (secret.at[0] ?? 0))
    );
  }

  /** Whether the option tells by its name that the next word is a secret, and that is one. */
  private readNamed(index: number, value: string, program: Program | undefined): boolean {
    const name = optionName.exec(value)?.[1];
    if (name === undefined || program?.plain?.has(value) === true) return false;
    const kind = secretNameKind(name);
    const next = this.words[index + 1];
    if (kind === undefined || next === undefined) return false;
    // One dash stands before letters as well as before names: `-spin`.
    if (/^-[a-z]/i.test(value) && kind !== 'secret' && kind !== 'number') return false;
    if (anOption.test(next.value) || !isSecretValue(kind, next.value)) return false;
    return this.secretWord(index + 1);
  }

  /** `-u USER -p PASSWORD` of a program that no row tells about; a number is a port, a path a file. */
  private readAfterUser(index: number, value: string): boolean {
    const { words, program } = this;
    if (program !== undefined || !/^-[pP]$/.test(value)) return false;
    if (!/^(?:-[uU]|--?user(?:name)?)$/.test(words[index - 2]?.value ?? '')) return false;
    const user = words[index - 1]?.value ?? '';
    const next = words[index + 1]?.value ?? '';
    if (/^-|[/:]/.test(user) || /^(?:$|-|\d{1,5}$|[\d.]*:\d|[~.]{0,2}\/)/.test(next)) return false;
    return isSecretValue('secret', next) && this.secretWord(index + 1);
  }

  private isSetting(index: number): boolean {
    const before = this.words[index - 1]?.value;
    const value = this.words[index]?.value ?? '';
    if (before === undefined || value.includes('=')) return false;
    if (!settingVerbs.has(before) && this.program?.pairs !== true) return false;
    if (this.program?.plain?.has(value) === true) return false;
    const kind = /_auth$/.test(value)
      ? 'secret'
      : secretNameKind(value.slice(value.lastIndexOf('/') + 1));
    const next = this.words[index + 1];
    return (
      kind !== undefined &&
      next !== undefined &&
      !anOption.test(next.value) &&
      isSecretValue(kind, next.value)
    );
  }

  private secretWord(index: number): true {
    const word = this.words[index];
    if (word !== undefined && word.value !== '' && !(word.expands && isReference(word.value))) {
      const place = /^(?:file|env|fd):|^stdin$|^prompt$/.test(word.value);
      const start = /^pass:(?=.)/.exec(word.value)?.[0].length ?? 0;
      const isQuoted = /^(["'])[^]+\1$/.test(word.value);
      if (isQuoted) this.found.secret(index, 1, word.value.length - 1);
      else if (!place) this.found.secret(index, start, word.value.length);
    }
    return true;
  }

  /** @param from where in the word the login begins */
  private loginWord(
    index: number,
    { separator, orUser }: Pick<Login, 'separator' | 'orUser'>,
    from = 0,
  ): void {
    const word = this.words[index];
    const value = word?.value.slice(from) ?? '';
    const at = value.indexOf(separator);
    if (word === undefined || at < 0 || (word.expands && isReference(value))) return;
    const [user, secret] = [value.slice(0, at), value.slice(at + 1)];
    const isUser = orUser === true && user !== '' && (noPassword.test(secret) || looksRandom(user));
    if (isUser) this.found.secret(index, from, word.value.length);
    else if (secret !== '' && !(word.expands && isReference(secret)))
      this.found.secret(index, from + at + 1, word.value.length);
  }

  private recognise(value: string): void {
    const name = value.slice(value.lastIndexOf('/') + 1);
    const withSubcommand = this.name === '' ? undefined : programTable.get(`${this.name} ${value}`);
    if (withSubcommand !== undefined) {
      this.name = '';
      this.use(withSubcommand, true);
      return;
    }
    if (this.position === 'argument') return;
    const isCertain = this.position === 'program';
    if (isCertain) this.isCarrying = false;
    const plain = versioned.exec(name)?.[1];
    const program =
      programTable.get(name) ?? (plain === undefined ? undefined : programTable.get(plain));
    const key = programsWithSubcommands.has(name) ? name : '';
    if (program === undefined && key === '') {
      if (isCertain) this.position = 'perhaps';
      return;
    }
    this.name = key;
    if (program !== undefined) this.use(program, isCertain);
    else {
      this.program = undefined;
      this.position = isCertain ? 'argument' : 'perhaps';
    }
  }

  private use(program: Program, isCertain: boolean): void {
    this.program = program;
    this.operands = 0;
    this.isCarrying = program.carries !== undefined && program.carries.after === undefined;
    this.marks = program.carries?.after ?? this.marks;
    this.operandsBefore = program.carries?.operands ?? 0;
    this.script = program.script ?? this.script;
    if (program.reads !== undefined && program.reads.when === undefined)
      this.reads ??= program.reads.what;
    this.isQuiet = program.quiet === true;
    this.fields = program.fields;
    this.position = this.isCarrying ? 'program' : isCertain ? 'argument' : 'perhaps';
  }
}

function isOptionLike(value: string): boolean {
  return value.startsWith('-') || value.startsWith('+');
}
