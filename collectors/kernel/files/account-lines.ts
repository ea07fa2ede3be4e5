/** An account of /etc/passwd. Its password and the personal data of its comment field are left where they are. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  /** The primary group. */
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
  /** `elsewhere`: /etc/shadow holds it. */
  readonly password: Password | 'elsewhere';
}

export interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** A line of /etc/shadow, without what is secret in it. */
export interface PasswordRecord {
  readonly name: string;
  readonly password: Password;
  /** Days since the epoch; 0: must be changed at the next login. */
  readonly changedDay: number | undefined;
  readonly expiresDay: number | undefined;
}

/**
 * How the password of an account stands; the hash itself goes no further than the parser.
 * - `empty`: none is asked for where `nullok` stands.
 * - `set`: there is one.
 * - `locked`: there is one, and it is put out of use.
 * - `none`: nothing that is typed fits.
 */
export interface Password {
  readonly state: 'empty' | 'set' | 'locked' | 'none';
  /** How it is hashed, `other` where that is not known; undefined where no hash is. */
  readonly algorithm?: string;
  /** What whoever reads the line makes of the hash to compare it by, where a hash is; that of a locked one is the same. */
  readonly mark?: string;
}

/** Makes of a hash something by which it can be compared, and from which it cannot be found. */
export type MarkOfHash = (hash: string) => string;

/** `passed-over`: blank, a comment, or a mark of NIS. */
export type NoRecord = 'malformed' | 'passed-over';

const highestId = 0xffff_fffe;
const latestDay = 100_000_000;

/**
 * A line of passwd(5), as leniently as the C library takes it: an account that it knows must not escape the snapshot
 * by a blank before its number, a missing shell, or a colon too many.
 * @param markOf absent: the hash is not asked for
 */
export function parseAccount(line: string, markOf?: MarkOfHash): Account | NoRecord {
  const none = withoutRecord(line);
  if (none !== undefined) return none;
  const [name = '', field = '', uidText = '', gidText = '', , home = '', ...shell] = fieldsOf(line);
  const [uid, gid] = [parseId(uidText), parseId(gidText)];
  if (name === '' || uid === undefined || gid === undefined) return 'malformed';
  const password =
    field === 'x' || field.startsWith('##') ? 'elsewhere' : passwordOf(field, markOf);
  return { name, uid, gid, home, shell: shell.join(':'), password };
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

/**
 * A line of shadow(5).
 * @param markOf absent: the hash is not asked for
 */
export function parsePasswordRecord(line: string, markOf?: MarkOfHash): PasswordRecord | NoRecord {
  const none = withoutRecord(line);
  if (none !== undefined) return none;
  const [name = '', field, changed = '', , , , , expires = ''] = fieldsOf(line);
  if (name === '' || field === undefined) return 'malformed';
  return {
    name,
    password: passwordOf(field, markOf),
    changedDay: parseDay(changed),
    expiresDay: parseDay(expires),
  };
}

/** The records among the lines of a file that is held as a whole; what is none is passed over. */
export function recordsOf<R>(text: string, parse: (line: string) => R | NoRecord): R[] {
  return text.split('\n').flatMap((line) => {
    const record = parse(line);
    return typeof record === 'string' ? [] : [record];
  });
}

/** What the C library reads of a line: it knows no text behind a zero byte, and skips the blanks of ASCII at the start. */
const readable = (line: string): string =>
  (line.split('\0', 1)[0] ?? '').replace(/^[ \t-\r]+/u, '');

const fieldsOf = (line: string): string[] => readable(line).split(':');

function withoutRecord(line: string): 'passed-over' | undefined {
  const text = readable(line);
  return text === '' || text.startsWith('#') || isDirectoryMark(text) ? 'passed-over' : undefined;
}

/** `+`, `+name` and `-name` stand for entries of NIS (nsswitch.conf(5), compat). */
export function isDirectoryMark(line: string): boolean {
  return /^[+-]/u.test(readable(line));
}

/** As strtoul(3) reads it: blanks, a sign and leading zeros may stand before the digits, and minus zero is zero. */
function parseId(text: string): number | undefined {
  const digits = /^\s*(?:\+|-(?=0+$))?0*(\d{1,10})$/u.exec(text)?.[1];
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

/** The second field of passwd(5) or shadow(5); `!` and `*` before a hash lock it. */
function passwordOf(field: string, markOf: MarkOfHash | undefined): Password {
  if (field === '') return { state: 'empty' };
  const hash = field.replace(/^[!*]+/u, '');
  const algorithm = algorithmOf(hash);
  if (algorithm === undefined) return { state: 'none' };
  const state = hash === field ? 'set' : 'locked';
  return { state, algorithm, ...(markOf !== undefined && { mark: markOf(hash) }) };
}

function algorithmOf(hash: string): string | undefined {
  const prefix = /^\$([a-z0-9]{1,8})[$,]/iu.exec(hash)?.[1];
  if (prefix !== undefined) return Object.hasOwn(algorithms, prefix) ? algorithms[prefix] : 'other';
  return /^[./0-9A-Za-z]{13}$|^_[./0-9A-Za-z]{19}$/u.test(hash) ? 'DES' : undefined;
}
