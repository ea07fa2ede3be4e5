import { FileError, readTextFile } from '../../base/bounded-file.js';
import { hasCode, plainReason } from '../../base/errors.js';
import type { ReportLoss } from '../../base/loss.js';
import type { SnapshotCollector } from '../interface/collector.js';
import { watchState } from '../interface/watch-state.js';
import {
  type Account,
  isDirectoryMark,
  type NoRecord,
  parseAccount,
  parseGroup,
  parsePasswordRecord,
  type PasswordRecord,
} from '../kernel/files/account-lines.js';
import { readTextLines } from '../kernel/files/text-lines.js';
import { directoryServices } from './directories.js';
import { Memberships } from './memberships.js';
import { toPayloads } from './payloads.js';

/** More accounts than any device has; what is beyond is counted. */
const mostAccounts = 10_000;
/** A group of a flattened directory names all of its members in one line. */
const longestLine = 4 * 1024 * 1024;
const longestFileBytes = 64 * 1024 * 1024;
const longestNsswitchBytes = 64 * 1024;

/**
 * The users in the files of the device, each with its groups and what /etc/shadow says of its password. Who is only in
 * a directory (SSSD, LDAP) is not asked for: that would take a program or a library of the system; the services are named.
 */
export const localUsers: SnapshotCollector<'LocalUsers'> = {
  kind: 'snapshot',
  name: 'LocalUsers',
  watch: watchState('User', 'GroupMember', 'Password'),
  async collect({ host, signal, lose, setSource }) {
    const { etcRoot } = host.paths;
    const accounts: Account[] = [];
    const directories = new Set<string>();
    const passwd = await readRecords(`${etcRoot}/passwd`, signal, lose, (line) => {
      if (isDirectoryMark(line)) directories.add('nis');
      const account = parseAccount(line);
      if (typeof account === 'string') return account;
      if (accounts.length >= mostAccounts) return 'malformed';
      accounts.push(account);
      return undefined;
    });
    if (passwd !== undefined) return { unavailable: `${etcRoot}/passwd ${passwd}` };

    const gids = new Set(accounts.map(({ gid }) => gid));
    const memberships = new Memberships(new Set(accounts.map(({ name }) => name)), gids);
    const groups = await readRecords(`${etcRoot}/group`, signal, lose, (line) => {
      const group = parseGroup(line);
      if (typeof group === 'string') return group;
      memberships.add(group);
      return undefined;
    });
    if (memberships.dropped > 0) lose('unparsed', memberships.dropped);

    const names = new Set(accounts.map(({ name }) => name));
    const passwords = new Map<string, PasswordRecord>();
    const shadow = await readRecords(`${etcRoot}/shadow`, signal, lose, (line) => {
      const record = parsePasswordRecord(line);
      if (typeof record === 'string') return record;
      if (names.has(record.name) && !passwords.has(record.name)) passwords.set(record.name, record);
      return undefined;
    });
    const shadowKnown = shadow === undefined || shadow === missing;

    const nsswitch = await readNsswitch(`${etcRoot}/nsswitch.conf`);
    for (const service of nsswitch.services) directories.add(service);

    const limitation = [
      groups !== undefined && `Groups are not known: ${etcRoot}/group ${groups}`,
      !shadowKnown && `States of passwords are not known: ${etcRoot}/shadow ${shadow}`,
      nsswitch.problem,
      directories.size > 0 &&
        `Users that only a directory service knows are not enumerated; this device asks ${[...directories].join(', ')}.`,
    ]
      .filter((sentence) => typeof sentence === 'string')
      .join(' ');
    setSource({ source: 'files', ...(limitation !== '' && { limitation }) });
    return toPayloads({
      accounts,
      memberships,
      groupsKnown: groups === undefined,
      passwords: shadowKnown ? passwords : undefined,
      directories: [...directories],
    });
  },
};

const missing = 'does not exist.';

/**
 * Reads the records of a file of which each line is one; counts what is none. Undefined when it was read, otherwise what
 * kept it from being read, as the end of a sentence.
 */
async function readRecords(
  path: string,
  signal: AbortSignal,
  lose: ReportLoss,
  take: (line: string) => NoRecord | undefined,
): Promise<string | undefined> {
  let malformed = 0;
  try {
    const onLine = (line: string): undefined => {
      if (take(line) === 'malformed') malformed++;
    };
    const read = await readTextLines(path, { signal, longestLine, longestFileBytes, onLine });
    malformed += read.tooLong + Number(read.cut);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return refusal(error);
  } finally {
    if (malformed > 0) lose('unparsed', malformed);
  }
}

function refusal(error: unknown): string {
  if (hasCode(error, 'ENOENT')) return missing;
  if (hasCode(error, 'EACCES') || hasCode(error, 'EPERM')) {
    return 'may not be read by this user; CAP_DAC_READ_SEARCH allows it.';
  }
  return `cannot be read (${plainReason(error)}).`;
}

/** Without the file, as on musl, there are no services. */
async function readNsswitch(
  path: string,
): Promise<{ readonly services: readonly string[]; readonly problem?: string }> {
  try {
    const { text } = await readTextFile(path, longestNsswitchBytes);
    return { services: directoryServices(text) };
  } catch (error) {
    if (error instanceof FileError && error.kind === 'missing') return { services: [] };
    return {
      services: [],
      problem: `Whether a directory service is asked for users is not known: ${path} ${plainReason(error)}.`,
    };
  }
}
