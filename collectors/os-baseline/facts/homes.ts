import { posix } from 'node:path';
import type { Account } from '../../kernel/files/account-lines.js';
import { hasLoginShell, readAccounts } from './accounts.js';
import type { FactContext, SubjectReader } from './fact-reader.js';
import type { FileState } from './host-files.js';
import { found, type Reading } from './reading.js';

export interface DotFile extends FileState {
  /** As `.netrc`. */
  readonly name: string;
}

/** Public keys that open an account over SSH. */
export interface AuthorizedKeys extends FileState {
  readonly path: string;
  /** Lines that are a key. */
  readonly count: number;
}

/** The home directory of an account that somebody can work with. */
export interface Home {
  readonly account: Account;
  /** Undefined where the directory does not exist. */
  readonly state: FileState | undefined;
  /** The files in it whose names begin with a dot; links and directories are none. */
  readonly dotFiles: readonly DotFile[];
  readonly authorizedKeys: readonly AuthorizedKeys[];
}

const mostHomes = 256;
const mostDotFiles = 128;

/** Lines of authorized_keys(5) that are neither blank nor a comment. */
export function countKeys(text: string): number {
  return text.split('\n').filter((line) => /^[^#\s]/.test(line.trim())).length;
}

export const readHomes: SubjectReader<readonly Home[]> = async (context) => {
  const accounts = await readAccounts(context);
  if (!('value' in accounts)) return accounts;
  const able = accounts.value.all.filter(hasLoginShell);
  if (able.length > mostHomes)
    context.limit(`Of ${able.length} home directories the first ${mostHomes} were looked at.`);
  const homes: Home[] = [];
  for (const account of able.slice(0, mostHomes)) {
    const home = await readHome(account, context);
    if (!('value' in home)) return home;
    homes.push(home.value);
  }
  return found(homes);
};

async function readHome(account: Account, { files, limit }: FactContext): Promise<Reading<Home>> {
  const { home } = account;
  const state = await files.state(home);
  if ('unreadable' in state) return state;
  if ('absent' in state)
    return found({ account, state: undefined, dotFiles: [], authorizedKeys: [] });
  const names = await files.names(home);
  if ('unreadable' in names) return names;
  const dotted = ('value' in names ? names.value : []).filter((name) => name.startsWith('.'));
  if (dotted.length > mostDotFiles)
    limit(`Of the files in ${home} that begin with a dot, ${mostDotFiles} were looked at.`);
  const dotFiles: DotFile[] = [];
  for (const name of dotted.slice(0, mostDotFiles)) {
    const file = await files.linkState(posix.join(home, name));
    if ('value' in file && file.value.kind === 'file') dotFiles.push({ name, ...file.value });
  }
  const authorizedKeys: AuthorizedKeys[] = [];
  for (const path of keyFilesOf(account)) {
    const text = await files.text(path);
    const file = await files.state(path);
    if ('unreadable' in text) return text;
    if ('value' in text && 'value' in file)
      authorizedKeys.push({ path, count: countKeys(text.value), ...file.value });
  }
  return found({ account, state: state.value, dotFiles, authorizedKeys });
}

/** Where sshd and, for root on OpenWrt, dropbear look. */
function keyFilesOf({ uid, home }: Account): string[] {
  const names = ['authorized_keys', 'authorized_keys2'];
  const files = names.map((name) => posix.join(home, '.ssh', name));
  return uid === 0 ? [...files, '/etc/dropbear/authorized_keys'] : files;
}
