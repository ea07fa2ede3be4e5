import { type Account, parseAccount, recordsOf } from '../../kernel/files/account-lines.js';
import type { SubjectReader } from './fact-reader.js';
import { mapReading } from './reading.js';

export interface Accounts {
  /** In the order of the file, with names and ids that occur twice. */
  readonly all: readonly Account[];
  /** How many lines ask a directory service of old, as `+` or `+@group`. */
  readonly plusLines: number;
}

export const longestAccountFileBytes = 4 * 1024 * 1024;

export function parseAccounts(text: string): Accounts {
  return { all: recordsOf(text, parseAccount), plusLines: plusLinesOf(text) };
}

/** In passwd, shadow and group alike: what once asked NIS, and is an account named `+` where that is not in use. */
export function plusLinesOf(text: string): number {
  return text.split('\n').filter((line) => line.trimStart().startsWith('+')).length;
}

const noLogin: ReadonlySet<string> = new Set([
  'nologin',
  'false',
  'true',
  'sync',
  'halt',
  'shutdown',
]);

/** Whether the shell of an account lets somebody work with it; without one, /bin/sh does. */
export function hasLoginShell({ shell }: Pick<Account, 'shell'>): boolean {
  return !noLogin.has(shell.slice(shell.lastIndexOf('/') + 1).trim());
}

export const readAccounts: SubjectReader<Accounts> = async ({ files }) =>
  mapReading(await files.text('/etc/passwd', longestAccountFileBytes), parseAccounts);
