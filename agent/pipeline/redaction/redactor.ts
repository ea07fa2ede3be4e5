/**
 * Masks secrets in command lines before anything is stored or sent.
 *
 * A command line is an array of arguments here, because `--password "two words"` cannot be told from its joined text.
 * An argument that holds a command line itself, such as that of `sh -c`, is taken apart in the same way. What is found
 * are places in the text, so that everything around a secret stays as it was, byte for byte.
 *
 * Everything runs in time linear in its input: the text comes from whoever starts programs on the device, and an
 * argument may be 128 KB long (`MAX_ARG_STRLEN`, linux/binfmts.h).
 */
import { mask, maskSpans, type Span } from './spans.js';
import { commandSpans } from './texts.js';

export interface Redactor {
  /** The arguments with every secret replaced by `***`; the array itself when there is none. */
  redact(argv: readonly string[]): readonly string[];
}

/**
 * @param extraPatterns the local setting `redactionPatterns`, with the flag `g`; the group named `secret`, or else the
 * whole match, is masked.
 */
export function createRedactor(extraPatterns: readonly RegExp[]): Redactor {
  return {
    redact(argv) {
      const spans: Span[][] = argv.map(() => []);
      commandSpans(argv, 0, spans);
      const result = argv.map((argument, index) =>
        extraPatterns.reduce(maskMatches, maskSpans(argument, spans[index] ?? [])),
      );
      return result.some((argument, index) => argument !== argv[index]) ? result : argv;
    },
  };
}

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
