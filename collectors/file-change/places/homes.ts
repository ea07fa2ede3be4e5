import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { parseAccount } from '../../kernel/files/account-lines.js';
import { homeFiles, isOfKernel, type Place } from './default-places.js';

/** A home, and the places in it. */
export interface Home {
  readonly path: string;
  readonly places: readonly Place[];
}

const mostHomes = 64;
const longestPasswdBytes = 1024 * 1024;
/** Homes of accounts that nobody logs in with, which hold everything but a user's files. */
const noHomes = new Set([
  '/',
  '/nonexistent',
  '/dev/null',
  '/bin',
  '/sbin',
  '/usr/bin',
  '/usr/sbin',
]);
const noShells = /\/(?:nologin|false|sync|true|halt|shutdown)$/u;

/** The homes of those who may log in, the superuser's first, by the text of passwd(5); at most 64. */
export function homesOf(passwd: string): readonly Home[] {
  const homes = new Map<string, number>();
  for (const line of passwd.split('\n')) {
    const account = parseAccount(line);
    if (typeof account === 'string' || noShells.test(account.shell)) continue;
    const { home, uid } = account;
    if (!home.startsWith('/') || posix.normalize(home) !== home || noHomes.has(home)) continue;
    if (isOfKernel(home) || home.length > 255 || home.includes('\0')) continue;
    homes.set(home, Math.min(uid, homes.get(home) ?? uid));
  }
  return [...homes]
    .toSorted(([, one], [, other]) => one - other)
    .slice(0, mostHomes)
    .map(([path]) => ({
      path,
      places: homeFiles.map((name) => ({ path: `${path}/${name}`, reach: 'file' })),
    }));
}

/** Those of the device; none where /etc/passwd cannot be read. */
export async function readHomes(etcRoot: string): Promise<readonly Home[]> {
  try {
    const text = await readFile(`${etcRoot}/passwd`, 'utf8');
    return text.length > longestPasswdBytes ? [] : homesOf(text);
  } catch {
    return [];
  }
}
