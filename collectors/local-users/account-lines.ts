/** An account of /etc/passwd. Its password and the personal data of its comment field are left where they are. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  /** The primary group. */
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
  /** What the field of the password says; `elsewhere`: /etc/shadow holds it. */
  readonly password: PasswordState | 'elsewhere';
  readonly algorithm: string | undefined;
}

export interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** A line of /etc/shadow, without what is secret in it. */
export interface PasswordRecord {
  readonly name: string;
  readonly password: PasswordState;
  readonly algorithm: string | undefined;
  /** Days since the epoch; 0: must be changed at the next login. */
  readonly changedDay: number | undefined;
  readonly expiresDay: number | undefined;
}

/** `locked`: no password opens it; `empty`: none is asked for where `nullok` stands. */
export type PasswordState = 'set' | 'locked' | 'empty';

/** `passed-over`: blank, a comment, or a mark of NIS. */
export type NoRecord = 'malformed' | 'passed-over';

const highestId = 0xffff_fffe;
const latestDay = 100_000_000;

/**
 * A line of passwd(5), as leniently as the C library takes it: an account that it knows must not escape the snapshot
 * by a blank before its number, a missing shell, or a colon too many.
 */
export function parseAccount(line: string): Account | NoRecord {
  const none = withoutRecord(line);
  if (none !== undefined) return none;
  const [name = '', field = '', uidText = '', gidText = '', , home = '', ...shell] = fieldsOf(line);
  const [uid, gid] = [parseId(uidText), parseId(gidText)];
  if (name === '' || uid === undefined || gid === undefined) return 'malformed';
  const password = field === 'x' || field.startsWith('##') ? 'elsewhere' : passwordState(field);
  return { name, uid, gid, home, shell: shell.join(':'), password, algorithm: algorithmOf(field) };
}

/** A line of group(5), as leniently. */
export function parseGroup(line: string): Group | NoRecord {
  const none = withoutRecord(line);
  if (none !== undefined) return none;
  const [name = '', , gidText = '', ...members] = fieldsOf(line);
  const gid = parseId(gidText);
  if (name === '' || gid === undefined) return 'malformed';
  const names = members.join(':').split(',');
  return { name, gid, members: names.map((member) => member.trim()).filter(Boolean) };
}

/** A line of shadow(5). */
export function parsePasswordRecord(line: string): PasswordRecord | NoRecord {
  const none = withoutRecord(line);
  if (none !== undefined) return none;
  const [name = '', field, changed = '', , , , , expires = ''] = fieldsOf(line);
  if (name === '' || field === undefined) return 'malformed';
  return {
    name,
    password: passwordState(field),
    algorithm: algorithmOf(field),
    changedDay: parseDay(changed),
    expiresDay: parseDay(expires),
  };
}

/** Fields stand between colons, and blanks before the first are none of it. */
function fieldsOf(line: string): string[] {
  return line.trimStart().split(':');
}

function withoutRecord(line: string): NoRecord | undefined {
  const text = line.trim();
  if (text === '' || text.startsWith('#') || isDirectoryMark(text)) return 'passed-over';
  return text.includes('\0') ? 'malformed' : undefined;
}

/** `+`, `+name` and `-name` stand for entries of NIS (nsswitch.conf(5), compat). */
export function isDirectoryMark(line: string): boolean {
  return line.startsWith('+') || line.startsWith('-');
}

/** As strtoul(3) reads it: blanks, a sign and leading zeros may stand before the digits. */
function parseId(text: string): number | undefined {
  const digits = /^\s*[+]?0*(\d{1,10})$/u.exec(text)?.[1];
  const id = digits === undefined ? Number.NaN : Number(digits);
  return id <= highestId ? id : undefined;
}

function parseDay(text: string): number | undefined {
  const day = /^\d{1,9}$/u.test(text) ? Number(text) : Number.NaN;
  return day <= latestDay ? day : undefined;
}

/** Of crypt(5), by what stands before the hash. */
const algorithms: Readonly<Record<string, string>> = {
  ...{ '1': 'MD5', '2a': 'bcrypt', '2b': 'bcrypt', '2x': 'bcrypt', '2y': 'bcrypt', '3': 'NT' },
  ...{ '5': 'SHA-256', '6': 'SHA-512', '7': 'scrypt', y: 'yescrypt', gy: 'gost-yescrypt' },
  ...{ sha1: 'SHA-1', md5: 'SunMD5', sm3: 'SM3', sm3y: 'sm3-yescrypt' },
};

function passwordState(field: string): PasswordState {
  if (field === '') return 'empty';
  return !field.startsWith('!') && algorithmOf(field) !== undefined ? 'set' : 'locked';
}

/** Of the hash in the field, also behind a lock; undefined where no hash is, so that no password fits. */
function algorithmOf(field: string): string | undefined {
  const hash = field.replace(/^!+/u, '');
  const prefix = /^\$([a-z0-9]{1,8})[$,]/u.exec(hash)?.[1];
  if (prefix !== undefined) return Object.hasOwn(algorithms, prefix) ? algorithms[prefix] : 'other';
  return /^[./0-9A-Za-z]{13}$|^_[./0-9A-Za-z]{19}$/u.test(hash) ? 'DES' : undefined;
}
