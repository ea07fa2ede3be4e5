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
import { assigned, mask, maskAssignment, secretName, SecretWords } from './secret-words.js';
import { shellWords } from './shell-words.js';

/** The group named `secret` is masked; the rest of the match stays. */
const builtInPatterns: readonly RegExp[] = [
  // "password": "two words", "token": "a\"b". The scan ends at the next quote, so it is linear.
  new RegExp(`${secretName}${assigned}"(?<secret>(?!")[^"\\\\]*(?:\\\\[^][^"\\\\]*)*)"`, 'gi'),
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
  // The same with a slash in the password: then what follows the colon is no port. A scan ends at the next "://".
  /:\/\/[^/\s:@[]*:(?!\d{1,5}[/?#;,])(?<secret>[^/\s@]*\/[^\s@:]*(?::(?!\/\/)[^\s@:]*)*(?:@[^/\s@]*)*)@/g,
  /-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----(?<secret>[^-]*)/g,
  // Tokens that carry their issuer's mark: JSON Web Tokens, GitHub, GitLab, Slack. The first begins where its
  // characters begin: a failed match would be tried again from each "eyJ" within them otherwise.
  /(?<![\w-])(?<secret>eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)/g,
  /\b(?<secret>(?:gh[pousr]|github_pat|glpat|xox[abprs])[-_][\w-]{16,})/g,
];

/** The start of a connection string: a field that tells nothing, and one more. */
const connectionString = /^[\w .-]{1,64}=[^;]*;/;

const fieldName = `[\\w.@[\\]-]{0,64}?${secretName}`;

/** Where an argument holds several fields, the value of one ends where the next begins. */
const fieldPatterns = {
  connectionString: [
    new RegExp(`;\\s{0,8}${fieldName}\\s{0,8}=\\s{0,8}(?<secret>[^;"'\\s][^;]*)`, 'gi'),
  ],
  severalWords: [new RegExp(`(?<=[^;\\s]\\s{1,8})${fieldName}=(?<secret>[^\\s"']\\S*)`, 'gi')],
  oneWord: [
    new RegExp(`,${fieldName}=(?<secret>[^,"'][^,]*)`, 'gi'),
    new RegExp(`[?&]${fieldName}=(?<secret>[^&#]+)`, 'gi'),
  ],
};

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

function redactFields(argument: string, isOneWord: boolean): string {
  const patterns = [
    ...(connectionString.test(argument) ? fieldPatterns.connectionString : []),
    ...(isOneWord ? fieldPatterns.oneWord : fieldPatterns.severalWords),
  ];
  return patterns.reduce(maskMatches, argument);
}

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

  const redactArgument = (argument: string): string => {
    const whole = maskAssignment(argument);
    if (whole !== undefined) return redactText(whole);
    const isOneWord = !/\s/.test(argument);
    const text = argument.includes('=') ? redactFields(argument, isOneWord) : argument;
    return redactText(isOneWord ? text : redactCommandLine(text));
  };

  return {
    redact(argv) {
      const words = new SecretWords();
      const result = argv.map((argument) => {
        const masked = words.masked(argument);
        if (masked !== undefined) return masked;
        return words.isCommandLine
          ? redactText(redactCommandLine(argument))
          : redactArgument(argument);
      });
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
  let isTarget = false;
  for (const { start, end, value } of shellWords(text)) {
    if (value === undefined) {
      words.end();
      continue;
    }
    // A file that the shell opens is no argument of the program.
    const redirection = /^\d?(?:<|>>?)&?/.exec(text.slice(start, start + 4))?.[0];
    const isArgument = redirection === undefined && !isTarget;
    isTarget = redirection?.length === end - start;
    if (!isArgument) continue;
    const masked =
      words.masked(value) ??
      (words.isCommandLine ? undefined : maskAssignment(text.slice(start, end)));
    if (masked === undefined) continue;
    parts.push(text.slice(shown, start), masked);
    shown = end;
  }
  return shown === 0 ? text : parts.join('') + text.slice(shown);
}
