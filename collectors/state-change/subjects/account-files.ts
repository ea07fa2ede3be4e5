import { hasCode, plainReason } from '../../../base/errors.js';
import type { Unavailable } from '../../../base/unavailable.js';
import type { LookContext } from '../../interface/state-subject.js';
import type { NoRecord } from '../../kernel/files/account-lines.js';
import { readTextLines } from '../../kernel/files/text-lines.js';

/** A group of a flattened directory names all of its members in one line. */
const longestLine = 4 * 1024 * 1024;
const longestFileBytes = 64 * 1024 * 1024;

/** The file is not there. */
export const missing: Unavailable = { unavailable: 'does not exist.' };

/**
 * Takes the records of a file of accounts. Undefined when all of it was read, otherwise why it was not: an account that
 * stands behind a line that is too long must not read as removed. What is no record is counted by the snapshot.
 */
export async function readAccounts<R extends object>(
  path: string,
  { signal }: Pick<LookContext, 'signal'>,
  parse: (line: string) => R | NoRecord,
  take: (record: R) => void,
): Promise<Unavailable | undefined> {
  try {
    const onLine = (line: string): undefined => {
      const record = parse(line);
      if (typeof record !== 'string') take(record);
    };
    const { tooLong, cut } = await readTextLines(path, {
      signal,
      longestLine,
      longestFileBytes,
      onLine,
    });
    return tooLong > 0 || cut
      ? { unavailable: `${path} is too long to be read whole.` }
      : undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (hasCode(error, 'ENOENT')) return missing;
    const why = hasCode(error, 'EACCES', 'EPERM')
      ? 'may not be read by this user; CAP_DAC_READ_SEARCH allows it.'
      : `cannot be read (${plainReason(error)}).`;
    return { unavailable: `${path} ${why}` };
  }
}

/** As `readAccounts`, of a file that every device has: one that is missing is a reason, too. */
export async function readNeeded<R extends object>(
  path: string,
  context: Pick<LookContext, 'signal'>,
  parse: (line: string) => R | NoRecord,
  take: (record: R) => void,
): Promise<Unavailable | undefined> {
  const refused = await readAccounts(path, context, parse, take);
  // Some tools write a file of accounts by removing it first.
  return refused === missing ? { unavailable: `${path} ${missing.unavailable}` } : refused;
}

/** Several lines may have one name, of which the system takes the first: the others are items of their own. */
export function addNamed(items: Map<string, string>, name: string, text: string): void {
  let item = name;
  for (let number = 2; items.has(item) && number <= 10; number++) item = `${name} (${number})`;
  items.set(item, text);
}
