import { secretOptions, type SecretOptions } from './secret-options.js';

export const mask = '***';

/** Words that name a secret in an option, a variable or a field. */
export const secretName =
  '(?:password|passwd|passphrase|passwort|pwd|secret|token|credentials?|api[-_]?key|access[-_]?key(?:[-_]?id)?|' +
  'account[-_]?key|secret[-_]?key|shared[-_]?access[-_]?key|shared[-_]?key|primary[-_]?key|secondary[-_]?key|' +
  'symmetric[-_]?key|connection[-_]?string|sas[-_]?token|secret[-_]?access[-_]?key|(?<![a-z0-9])(?:pass|psk))';

/** Options whose names are too short to tell a secret anywhere else. */
const shortOption = '--?(?:pw|pin|(?:store|key)?pass)';

/** Between the name of a secret and its value; the quotes of JSON within a shell's quotes come with a backslash. */
export const assigned = '\\\\?["\']?\\s{0,8}[=:]\\s{0,8}';

/** An argument that is an option whose value is the next argument. */
const secretOption = new RegExp(
  `^--[\\w.-]{0,64}${secretName}$|^-${secretName}$|^${shortOption}$`,
  'i',
);

/** What `aws configure set`, `npm config set` and their like give a value to. */
const secretSetting = new RegExp(`${secretName}$|_auth$`, 'i');

/**
 * The start of an argument whose rest is a secret, whatever characters that holds: `--db-password=`, `API_KEY=`,
 * `X-Api-Key: `, `Authorization: Bearer `.
 */
const secretStart = new RegExp(
  `^["']?(?:(?:[\\w.@[\\]-]{0,64}?${secretName}|${shortOption})${assigned}|` +
    '[\\w-]{0,64}?(?:authorization|cookie)\\s{0,8}:\\s{0,8}(?:(?:bearer|basic|digest|negotiate)\\s{1,8})?)' +
    `["']?(?=[^])`,
  'i',
);

/** Longer arguments name no option. */
const longestOption = 128;

/** Programs whose argument after `-c` or `-e` is a command line or a program text. */
const interpreter =
  /^(?:(?:ba|da|a|z|k|mk|c|tc|fi)?sh|busybox|su|runuser|script|python[\d.]*|perl[\d.]*|ruby[\d.]*|node(?:js)?|php[\d.]*|lua[\d.]*)$/;
const textOption = /^(?:-\w*[ceEr]|--(?:command|eval|print))$/;
/** Programs that give what follows to a shell. */
const shellUser = /^(?:ssh|dbclient|rsh|watch|eval)$/;

/** Programs whose subcommands have entries. */
const parents: ReadonlySet<string> = new Set(
  [...secretOptions.keys()].flatMap((key) => (key.includes(' ') ? [key.split(' ')[0] ?? ''] : [])),
);

/**
 * The argument masked to its end, when as a whole it gives a secret its value; quotes around the value stay. Not for
 * texts that are run: what stands behind `TOKEN=x;` there is what has to be seen.
 */
export function maskAssignment(argument: string): string | undefined {
  const start = /[=:]/.test(argument) ? secretStart.exec(argument)?.[0] : undefined;
  if (start === undefined) return undefined;
  const quote = /["']/.exec(start)?.[0];
  return `${start}${mask}${quote !== undefined && argument.endsWith(quote) ? quote : ''}`;
}

/**
 * Follows the words of one command line. Programs are recognised anywhere in it, because sudo, timeout, env or
 * `docker exec` stand before them.
 */
export class SecretWords {
  private program = '';
  private options: SecretOptions | undefined;
  private before = '';
  private maskNext = false;
  private skipNext = false;
  private operands = 0;
  private isInterpreted = false;
  private isForShell = false;

  /** Whether the word that `masked` was asked about last is itself a command line. */
  isCommandLine = false;

  /** What to show instead of the word; undefined when the word itself tells nothing. */
  masked(word: string): string | undefined {
    const { before, options } = this;
    this.isCommandLine =
      (this.isInterpreted && textOption.test(before)) || (this.isForShell && !word.startsWith('-'));
    this.before = word.length > longestOption ? '' : word;
    if (this.maskNext) {
      this.maskNext = false;
      return mask;
    }
    if (this.skipNext) {
      this.skipNext = false;
      return undefined;
    }
    const glued = options?.glued?.exec(word)?.[0];
    if (glued !== undefined) return `${glued}${mask}`;
    if (this.isSecretOperand(word, options)) return mask;
    if (word.length > longestOption) return undefined;
    if (!word.startsWith('-')) this.recognise(word);
    this.maskNext =
      options?.next?.has(word) === true ||
      options?.nextAfter?.test(word) === true ||
      (word.startsWith('-') && secretOption.test(word)) ||
      (before === 'set' && secretSetting.test(word));
    return undefined;
  }

  /** The end of one command of several. */
  end(): void {
    this.program = '';
    this.options = undefined;
    this.before = '';
    this.maskNext = false;
    this.skipNext = false;
    this.isInterpreted = false;
    this.isForShell = false;
  }

  private isSecretOperand(word: string, options: SecretOptions | undefined): boolean {
    const secret = options?.operand;
    if (secret === undefined) return false;
    if (!word.startsWith('-') || word === '-') return ++this.operands >= secret.from;
    if (secret.inPlace?.test(word) === true) this.operands++;
    this.skipNext = secret.valued.test(word);
    return false;
  }

  private recognise(word: string): void {
    const name = word.slice(word.lastIndexOf('/') + 1);
    this.isInterpreted ||= interpreter.test(name);
    this.isForShell ||= shellUser.test(name);
    const withSubcommand = secretOptions.get(`${this.program} ${name}`);
    const options = withSubcommand ?? secretOptions.get(name);
    if (options !== undefined) {
      this.options = options;
      this.operands = 0;
    }
    if (withSubcommand === undefined && (options !== undefined || parents.has(name)))
      this.program = name;
  }
}
