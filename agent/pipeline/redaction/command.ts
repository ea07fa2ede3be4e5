import { programTable, programsWithSubcommands } from './programs.js';
import { type CommandFindings, CommandSecrets, type Word } from './command-secrets.js';
import type { Program, Reads } from './program.js';
import { isReference } from './secret-names.js';

/** Longer words name neither an option nor a program. */
const longestName = 128;
const assignment = /^[A-Za-z_]\w*\+?=/;
const scriptOption = /^--(?:command|cmd|exec|eval|execute)=/;
const versioned = /^([a-z]+)-?\d[\d.]*$/;
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

  private readonly secrets: CommandSecrets;
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
  ) {
    this.secrets = new CommandSecrets(words, found);
  }

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
        else if (
          this.secrets.named(index, value, program) ||
          this.secrets.afterUser(index, value, program)
        )
          index++;
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
      if (this.secrets.isSetting(index, program)) {
        this.secrets.word(++index);
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
    if (this.isSecretOperand(value)) this.secrets.word(index);
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
      this.secrets.word(index + 1);
      return true;
    }
    if (program.nextButOne?.test(value) === true) {
      this.secrets.word(index + 2);
      return true;
    }
    if (program.login?.options.test(value) === true) {
      this.secrets.login(index + 1, program.login);
      return true;
    }
    const loginStart = program.login?.glued?.exec(value)?.[0];
    if (program.login !== undefined && loginStart !== undefined) {
      this.secrets.login(index, program.login, loginStart.length);
      return true;
    }
    if (program.file?.test(value) === true) {
      this.secrets.login(index + 1, { separator: ':' });
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
      this.secrets.word(index);
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
