import type { SubjectReader } from './fact-reader.js';
import { mapReading } from './reading.js';

/** A line of /etc/passwd; its password field is told by the fact `passwords`. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  /** Empty stands for /bin/sh. */
  readonly shell: string;
}

export interface Accounts {
  /** In the order of the file, with names and ids that occur twice. */
  readonly all: readonly Account[];
  /** How many lines ask a directory service of old, as `+` or `+@group`. */
  readonly plusLines: number;
}

export const longestAccountFileBytes = 4 * 1024 * 1024;

/** passwd(5): seven fields between colons; lines that are no account are passed over. */
export function parseAccounts(text: string): Accounts {
  const all = text.split('\n').flatMap((line): Account[] => {
    const fields = line.split(':');
    const [name = '', , uid = '', gid = '', , home = '', shell = ''] = fields;
    if (fields.length !== 7 || !isAccountName(name)) return [];
    if (!/^\d{1,10}$/.test(uid) || !/^\d{1,10}$/.test(gid)) return [];
    return [{ name, uid: Number(uid), gid: Number(gid), home, shell: shell.trim() }];
  });
  return { all, plusLines: plusLinesOf(text) };
}

/** Marks of NIS begin with a sign, comments with `#`. */
const isAccountName = (name: string): boolean => /^[^+\-#\s]/.test(name);

/** In passwd, shadow and group alike: what once asked NIS, and is an account named `+` where that is not in use. */
export function plusLinesOf(text: string): number {
  return text.split('\n').filter((line) => line.startsWith('+')).length;
}

const noLogin: ReadonlySet<string> = new Set([
  'nologin',
  'false',
  'true',
  'sync',
  'halt',
  'shutdown',
]);

/** Whether the shell of an account lets somebody work with it. */
export function hasLoginShell({ shell }: Account): boolean {
  return !noLogin.has(shell.slice(shell.lastIndexOf('/') + 1));
}

export const readAccounts: SubjectReader<Accounts> = async ({ files }) =>
  mapReading(await files.text('/etc/passwd', longestAccountFileBytes), parseAccounts);
