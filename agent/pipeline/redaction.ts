/**
 * Masks secrets in command lines before anything is stored or sent.
 *
 * A command line is an array of arguments here, because `--password "two words"` cannot be told from its joined text.
 * Every expression runs in time linear in its input: the text comes from whoever starts programs on the device, and
 * an argument may be 128 KB long (`MAX_ARG_STRLEN`, linux/binfmts.h).
 */

const mask = '***';

/** Words that name a secret in an option, a variable or a field. */
const secretName =
  '(?:password|passwd|passphrase|passwort|pwd|secret|token|credentials?|api[-_]?key|access[-_]?key(?:[-_]?id)?|' +
  'account[-_]?key|secret[-_]?key|shared[-_]?access[-_]?key|shared[-_]?key|primary[-_]?key|secondary[-_]?key|' +
  'connection[-_]?string|sas[-_]?token)';

/** An argument that is an option whose value is the next argument. */
const secretOption = new RegExp(
  `^--[\\w.-]{0,64}${secretName}$|^-${secretName}$|^--?(?:store|key)?pass$`,
  'i',
);

/** Programs with options of their own for secrets; the value is the next argument or sticks to a short option. */
const programOptions: ReadonlyMap<string, { next?: RegExp; glued?: RegExp }> = new Map([
  ['sshpass', { next: /^-p$/, glued: /^(-p)(?=.)/ }],
  ['mysql', { glued: /^(-p)(?=.)/ }],
  ['mysqldump', { glued: /^(-p)(?=.)/ }],
  ['mysqladmin', { glued: /^(-p)(?=.)/ }],
  ['mariadb', { glued: /^(-p)(?=.)/ }],
  ['curl', { next: /^(?:-u|--user|-U|--proxy-user)$/, glued: /^(-[uU])(?=.)/ }],
  ['mosquitto_pub', { next: /^-P$/ }],
  ['mosquitto_sub', { next: /^-P$/ }],
  ['redis-cli', { next: /^-a$/ }],
  ['openssl', { next: /^-pass(?:in|out)?$/ }],
]);

/** The group named `secret` is masked; the rest of the match stays. */
const builtInPatterns: readonly RegExp[] = [
  // password=x, "token": "x", SharedAccessKey=x, API_KEY: x. Base64 padding and inner "=" belong to the value.
  new RegExp(`${secretName}["']?\\s{0,8}[=:]\\s{0,8}["']?(?<secret>[^\\s"'&;,]+)`, 'gi'),
  // --password x, inside one argument such as that of `sh -c`.
  new RegExp(`-${secretName}\\s{1,8}["']?(?<secret>[^\\s"'&;|-][^\\s"'&;|]*)`, 'gi'),
  /\bsig=(?<secret>[^&\s"']+)/gi,
  /\b(?:bearer|basic)\s{1,8}(?<secret>[A-Za-z0-9._~+/-]{6,}=*)/gi,
  /:\/\/[^/\s:@]{0,128}:(?<secret>[^@\s/]{1,256})@/g,
  /\bsshpass\s{1,8}-p\s{0,8}(?<secret>[^\s"']+)/g,
  /-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----(?<secret>[^-]*)/g,
  // Tokens that carry their issuer's mark: JSON Web Tokens, GitHub, GitLab, Slack.
  /\b(?<secret>eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)/g,
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

function baseName(path: string | undefined): string {
  return path === undefined ? '' : path.slice(path.lastIndexOf('/') + 1);
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
  const patterns = [...builtInPatterns, ...extraPatterns];

  const redactText = (text: string): string => {
    let result = text;
    for (const pattern of patterns) result = maskMatches(result, pattern);
    return result;
  };

  return {
    redact(argv) {
      const options = programOptions.get(baseName(argv[0]));
      const result: string[] = [];
      let maskNext = false;
      for (const argument of argv) {
        const isProgram = result.length === 0;
        const glued = isProgram ? undefined : options?.glued?.exec(argument)?.[1];
        if (maskNext) result.push(mask);
        else result.push(glued === undefined ? redactText(argument) : `${glued}${mask}`);
        maskNext =
          !maskNext &&
          !isProgram &&
          argument.length <= 128 &&
          (secretOption.test(argument) || options?.next?.test(argument) === true);
      }
      const changed = result.some((argument, index) => argument !== argv[index]);
      return changed ? result : argv;
    },
  };
}
