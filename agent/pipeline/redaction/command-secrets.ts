import type { Login, Program } from './program.js';
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
const anOption = /^--?[A-Za-z][\w-]*(?:=.*)?$/;
/** What services want behind the colon where the user is a token. */
const noPassword = /^(?:x|x-oauth-basic|api_?token|token|unused|none|null)?$/i;
/** In other options a number or a mode follows. */
const optionName = /^(?:--?|\+)([A-Za-z_@][\w.@[\]-]{0,95})$/;

/** Which words of one command are secrets by what stands before them or in them, whatever program it is. */
export class CommandSecrets {
  constructor(
    private readonly words: readonly Word[],
    private readonly found: Pick<CommandFindings, 'secret'>,
  ) {}

  /** Whether the option tells by its name that the next word is a secret, and that is one. */
  named(index: number, value: string, program: Program | undefined): boolean {
    const name = optionName.exec(value)?.[1];
    if (name === undefined || program?.plain?.has(value) === true) return false;
    const kind = secretNameKind(name);
    const next = this.words[index + 1];
    if (kind === undefined || next === undefined) return false;
    // One dash stands before letters as well as before names: `-spin`.
    if (/^-[a-z]/i.test(value) && kind !== 'secret' && kind !== 'number') return false;
    if (anOption.test(next.value) || !isSecretValue(kind, next.value)) return false;
    return this.word(index + 1);
  }

  /** `-u USER -p PASSWORD` of a program that no row tells about; a number is a port, a path a file. */
  afterUser(index: number, value: string, program: Program | undefined): boolean {
    const { words } = this;
    if (program !== undefined || !/^-[pP]$/.test(value)) return false;
    if (!/^(?:-[uU]|--?user(?:name)?)$/.test(words[index - 2]?.value ?? '')) return false;
    const user = words[index - 1]?.value ?? '';
    const next = words[index + 1]?.value ?? '';
    if (/^-|[/:]/.test(user) || /^(?:$|-|\d{1,5}$|[\d.]*:\d|[~.]{0,2}\/)/.test(next)) return false;
    return isSecretValue('secret', next) && this.word(index + 1);
  }

  /** Whether the word names a setting that is a secret, and the next is its value. */
  isSetting(index: number, program: Program | undefined): boolean {
    const before = this.words[index - 1]?.value;
    const value = this.words[index]?.value ?? '';
    if (before === undefined || value.includes('=')) return false;
    if (!settingVerbs.has(before) && program?.pairs !== true) return false;
    if (program?.plain?.has(value) === true) return false;
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

  /** The word is a secret, unless it says where to find one. */
  word(index: number): true {
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

  /** The word holds a user and a secret. @param from where in the word the login begins */
  login(index: number, { separator, orUser }: Pick<Login, 'separator' | 'orUser'>, from = 0): void {
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
}
