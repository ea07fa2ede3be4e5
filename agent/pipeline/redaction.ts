/**
 * Masks secrets in command lines before anything is stored or sent.
 *
 * A command line is an array of arguments here, because `--password "two words"` cannot be told from its joined text.
 * An argument that holds a command line itself, such as that of `sh -c`, is taken apart in the same way.
 *
 * Every expression runs in time linear in its input: the text comes from whoever starts programs on the device, and
 * an argument may be 128 KB long (`MAX_ARG_STRLEN`, linux/binfmts.h). So an expression that can begin anywhere must
 * not run on over another place where it can begin, unless it succeeds there.
 */
import { secretOptions, type SecretOptions } from './secret-options.js';
import { shellWords } from './shell-words.js';

const mask = '***';

/** Words that name a secret in an option, a variable or a field. */
const secretName =
  '(?:password|passwd|passphrase|passwort|pwd|secret|token|credentials?|api[-_]?key|access[-_]?key(?:[-_]?id)?|' +
  'account[-_]?key|secret[-_]?key|shared[-_]?access[-_]?key|shared[-_]?key|primary[-_]?key|secondary[-_]?key|' +
  'symmetric[-_]?key|connection[-_]?string|sas[-_]?token|secret[-_]?access[-_]?key|(?<![a-z0-9])(?:pass|psk))';

/** An argument that is an option whose value is the next argument. */
const secretOption = new RegExp(
  `^--[\\w.-]{0,64}${secretName}$|^-${secretName}$|^--?(?:pw|pin|(?:store|key)?pass)$`,
  'i',
);

/** What `aws configure set`, `npm config set` and their like give a value to. */
const secretSetting = new RegExp(`${secretName}$|_auth$`, 'i');

/** Longer arguments name no option. */
const longestOption = 128;

/** Between the name of a secret and its value; the quotes of JSON within a shell's quotes come with a backslash. */
const assigned = '\\\\?["\']?\\s{0,8}[=:]\\s{0,8}';

/** The group named `secret` is masked; the rest of the match stays. */
const builtInPatterns: readonly RegExp[] = [
  // "password": "two words". The scan ends at the next quote, so it is linear.
  new RegExp(`${secretName}${assigned}"(?<secret>[^"\\\\]+)"`, 'gi'),
  new RegExp(`${secretName}${assigned}'(?<secret>[^'\\\\]+)'`, 'gi'),
  // password=x, "token": "x", SharedAccessKey=x, API_KEY: x. Base64 padding and inner "=" belong to the value.
  new RegExp(`${secretName}${assigned}\\\\?["']?(?<secret>[^\\s"'&;,]+)`, 'gi'),
  // --password x, inside one argument such as that of `sh -c`.
  new RegExp(`-${secretName}\\s{1,8}["']?(?<secret>[^\\s"'&;|-][^\\s"'&;|]*)`, 'gi'),
  /\bsig=(?<secret>[^&\s"']+)/gi,
  /\b(?:bearer|basic)\s{1,8}(?<secret>[A-Za-z0-9._~+/-]{6,}=*)/gi,
  // A header carries its credential up to its end, whatever the scheme.
  /\b(?:authorization|cookie)["']?\s{0,8}[:=]\s{0,8}["']?(?:(?:bearer|basic|digest|negotiate)\s{1,8})?(?<secret>[^"'\r\n]+)/gi,
  // scheme://user:password@host; a scan ends at the next slash, and each begins with one.
  /:\/\/[^/\s:@]*:(?<secret>[^/\s]+)@/g,
  /:\/\/(?<secret>[^/\s:@]{20,})@/g,
  /-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----(?<secret>[^-]*)/g,
  // Tokens that carry their issuer's mark: JSON Web Tokens, GitHub, GitLab, Slack. The first begins where its
  // characters begin: a failed match would be tried again from each "eyJ" within them otherwise.
  /(?<![\w-])(?<secret>eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)/g,
  /\b(?<secret>(?:gh[pousr]|github_pat|glpat|xox[abprs])[-_][\w-]{16,})/g,
];

function maskMatches(text: string, pattern: RegExp): string {
  return text.replace(pattern, (match: string, ...rest: unknown[]) => {
    // With named groups the last parameter is their object, without it is the whole text.
    const groups = rest.at(-1) as { secret?: string } | string;
    const secret = typeof groups === 'string' ? undefined : groups.secret;
    if (secret === undefined) return mask;
    const at = match.lastIndexOf(secret);
    return match.slice(0, at) + mask + match.slice(at + secret.length);
  });
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/**
 * Follows the words of one command line. Programs are recognised anywhere in it, because sudo, timeout, env or
 * `docker exec` stand before them.
 */
class SecretWords {
  private program = '';
  private options: SecretOptions | undefined;
  private before = '';
  private maskNext = false;

  /** What to show instead of the word; undefined when the word itself tells nothing. */
  masked(word: string): string | undefined {
    if (this.maskNext) {
      this.maskNext = false;
      return mask;
    }
    if (word.length > longestOption && this.options?.glued === undefined) return undefined;
    const { before, options } = this;
    this.before = word;
    const glued = options?.glued?.exec(word)?.[0];
    if (glued !== undefined) return `${glued}${mask}`;
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
  }

  private recognise(word: string): void {
    const name = baseName(word);
    const withSubcommand = secretOptions.get(`${this.program} ${name}`);
    const options = withSubcommand ?? secretOptions.get(name);
    if (options !== undefined) this.options = options;
    if (withSubcommand === undefined && (options !== undefined || parents.has(name)))
      this.program = name;
  }
}

/** Programs whose subcommands have entries. */
const parents: ReadonlySet<string> = new Set(
  [...secretOptions.keys()].flatMap((key) => (key.includes(' ') ? [key.split(' ')[0] ?? ''] : [])),
);

export interface Redactor {
  /** The arguments with every secret replaced by `***`; the array itself when there is none. */
  redact(argv: readonly string[]): readonly string[];
}

/**
 * @param extraPatterns the local setting `redactionPatterns`, with the flag `g`; the group named `secret`, or else the
 * whole match, is masked.
 */
export function createRedactor(extraPatterns: readonly RegExp[]): Redactor {
  const redactText = (text: string): string => {
    let result = text;
    if (mayHoldSecret(text)) {
      for (const pattern of builtInPatterns) result = maskMatches(result, pattern);
    }
    for (const pattern of extraPatterns) result = maskMatches(result, pattern);
    return result;
  };

  return {
    redact(argv) {
      const words = new SecretWords();
      const result = argv.map(
        (argument) =>
          words.masked(argument) ??
          redactText(/\s/.test(argument) ? redactCommandLine(argument) : argument),
      );
      const changed = result.some((argument, index) => argument !== argv[index]);
      return changed ? result : argv;
    },
  };
}

/** Every built-in pattern asks for one of these characters or is longer; most arguments have none and are short. */
function mayHoldSecret(text: string): boolean {
  return text.length >= 20 || /[=:\s]/.test(text);
}

/** A command line within one argument. */
function redactCommandLine(text: string): string {
  const words = new SecretWords();
  const parts: string[] = [];
  let shown = 0;
  for (const { start, end, value } of shellWords(text)) {
    if (value === undefined) {
      words.end();
      continue;
    }
    const masked = words.masked(value);
    if (masked === undefined) continue;
    parts.push(text.slice(shown, start), masked);
    shown = end;
  }
  return shown === 0 ? text : parts.join('') + text.slice(shown);
}
