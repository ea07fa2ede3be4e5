import { longestAccountFileBytes, plusLinesOf } from './accounts.js';
import type { SubjectReader } from './fact-reader.js';
import { found, mapReading, orElse } from './reading.js';

/**
 * How the password of an account stands; the hash itself goes no further than the parser.
 * - `empty`: whoever knows the name is let in.
 * - `set`: there is one, made with `scheme`.
 * - `locked`: there is one, and it is put out of use.
 * - `none`: nothing that is typed fits.
 */
export interface Password {
  readonly state: 'empty' | 'set' | 'locked' | 'none';
  /** Where there is one, as `sha512`; of an unknown kind the letters that name it. */
  readonly scheme?: string;
  /** It stands in /etc/passwd, which everybody may read. */
  readonly inPasswd: boolean;
}

export interface Passwords {
  readonly byName: ReadonlyMap<string, Password>;
  /** How many lines of /etc/shadow ask a directory service of old. */
  readonly plusLines: number;
}

/** The letters between the first two `$` of crypt(5). */
const schemes: Readonly<Record<string, string>> = {
  '1': 'md5',
  '2a': 'bcrypt',
  '2b': 'bcrypt',
  '2y': 'bcrypt',
  '3': 'nt',
  '5': 'sha256',
  '6': 'sha512',
  '7': 'scrypt',
  gy: 'gost-yescrypt',
  md5: 'sun-md5',
  sha1: 'sha1',
  y: 'yescrypt',
};

/** The scheme of what may be a hash, of which nothing else is kept. */
function schemeOf(field: string): string | undefined {
  const letters = /^\$([a-zA-Z0-9]{1,8})[$,]/.exec(field)?.[1];
  if (letters !== undefined) return schemes[letters] ?? letters;
  return /^(_[./0-9A-Za-z]{19}|[./0-9A-Za-z]{13})$/.test(field) ? 'des' : undefined;
}

/** The second field of shadow(5) or passwd(5). */
export function passwordOf(field: string, inPasswd: boolean): Password {
  if (field === '') return { state: 'empty', inPasswd };
  const bare = field.replace(/^[!*]+/, '');
  const scheme = schemeOf(bare);
  if (scheme === undefined) return { state: 'none', inPasswd: false };
  return { state: bare === field ? 'set' : 'locked', scheme, inPasswd };
}

/** Of the files of accounts: `x` in the former sends to the latter. Of several lines of one name the first counts. */
export function parsePasswords(passwd: string, shadow: string): Passwords {
  const shadowed = new Map<string, string>();
  for (const [name = '', field = ''] of fieldsOf(shadow))
    if (!shadowed.has(name)) shadowed.set(name, field);
  const byName = new Map<string, Password>();
  for (const [name = '', field = ''] of fieldsOf(passwd)) {
    if (byName.has(name)) continue;
    const isElsewhere = field === 'x';
    // An account that shadow does not know has no password that fits.
    const text = isElsewhere ? (shadowed.get(name) ?? '*') : field;
    byName.set(name, passwordOf(text, !isElsewhere));
  }
  return { byName, plusLines: plusLinesOf(shadow) };
}

function fieldsOf(text: string): string[][] {
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .filter(({ length, 0: name = '' }) => length >= 7 && /^[^+\-#\s]/.test(name));
}

export const readPasswords: SubjectReader<Passwords> = async ({ files }) => {
  const passwd = await files.text('/etc/passwd', longestAccountFileBytes);
  if (!('value' in passwd)) return passwd;
  const shadow = orElse(await files.text('/etc/shadow', longestAccountFileBytes), '');
  if ('unreadable' in shadow && !/^[^:\n]+:x:/m.test(passwd.value))
    return found(parsePasswords(passwd.value, ''));
  return mapReading(shadow, (text) => parsePasswords(passwd.value, text));
};
