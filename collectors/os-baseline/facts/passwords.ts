import {
  parseAccount,
  parsePasswordRecord,
  type Password,
  recordsOf,
} from '../../kernel/files/account-lines.js';
import { longestAccountFileBytes, plusLinesOf } from './accounts.js';
import type { SubjectReader } from './fact-reader.js';
import { found, mapReading, orElse } from './reading.js';

export interface AccountPassword extends Password {
  /** It stands in /etc/passwd, which everybody may read. */
  readonly inPasswd: boolean;
}

export interface Passwords {
  readonly byName: ReadonlyMap<string, AccountPassword>;
  /** How many lines of /etc/shadow ask a directory service of old. */
  readonly plusLines: number;
}

/** Of the files of accounts; of several lines of one name the first counts. */
export function parsePasswords(passwd: string, shadow: string): Passwords {
  const shadowed = new Map<string, Password>();
  for (const { name, password } of recordsOf(shadow, parsePasswordRecord))
    if (!shadowed.has(name)) shadowed.set(name, password);
  const byName = new Map<string, AccountPassword>();
  for (const { name, password } of recordsOf(passwd, parseAccount)) {
    if (byName.has(name)) continue;
    // An account that shadow does not know has no password that fits.
    const inShadow = shadowed.get(name) ?? { state: 'none' };
    const isElsewhere = password === 'elsewhere';
    const { state, ...how } = isElsewhere ? inShadow : password;
    byName.set(name, { state, ...how, inPasswd: !isElsewhere && state !== 'none' });
  }
  return { byName, plusLines: plusLinesOf(shadow) };
}

export const readPasswords: SubjectReader<Passwords> = async ({ files }) => {
  const passwd = await files.text('/etc/passwd', longestAccountFileBytes);
  if (!('value' in passwd)) return passwd;
  const shadow = orElse(await files.text('/etc/shadow', longestAccountFileBytes), '');
  const accounts = recordsOf(passwd.value, parseAccount);
  if ('unreadable' in shadow && accounts.every(({ password }) => password !== 'elsewhere'))
    return found(parsePasswords(passwd.value, ''));
  return mapReading(shadow, (text) => parsePasswords(passwd.value, text));
};
