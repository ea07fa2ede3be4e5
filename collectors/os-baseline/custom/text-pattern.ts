import { CustomChecksError } from './custom-error.js';

const longestTextBytes = 64 * 1024;
/** Instructions of the compiled expression: with the bound of the text, the time of a search in the worst case. */
const longestProgram = 500;

/** The number of the first line that matches, from 1; undefined when none does. */
export type LineMatcher = (text: string) => number | 'too-long' | undefined;

/**
 * Compiles a regular expression of RE2, whose time grows with the text and with nothing else. The engine is loaded with the
 * first one: most devices have none.
 * @throws CustomChecksError
 */
export async function matcherOf(pattern: string, id: string): Promise<LineMatcher> {
  const { RE2JS } = await import('re2js');
  let compiled: InstanceType<typeof RE2JS>;
  try {
    compiled = RE2JS.compile(pattern);
  } catch {
    throw new CustomChecksError(
      `Correct pattern of check ${id}: it is no regular expression of RE2, which knows no back references and no look-around.`,
    );
  }
  if (compiled.programSize() > longestProgram)
    throw new CustomChecksError(
      `Simplify pattern of check ${id}: it compiles to more than ${longestProgram} instructions.`,
    );
  return (text) => {
    if (Buffer.byteLength(text) > longestTextBytes) return 'too-long';
    const index = text
      .split('\n')
      .findIndex((line) => compiled.matcher(line.replace(/\r$/, '')).find());
    return index < 0 ? undefined : index + 1;
  };
}
