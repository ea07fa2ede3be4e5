import { plainReason } from '../../../base/errors.js';
import type { FileScan } from '../../interface/file-scan.js';
import type { Host } from '../../interface/host.js';
import { parseAccounts } from '../facts/accounts.js';
import { parseGroups } from '../facts/groups.js';
import { HostFiles } from '../facts/host-files.js';
import { readMounts } from '../facts/mounts.js';
import { Findings, type KnownIds } from './classify.js';
import { foreignRoots, localMounts } from './local-mounts.js';
import { walk } from './walk.js';

interface ScanOptions {
  readonly host: Pick<Host, 'paths' | 'clock'>;
  /** Ends the scan; what was found until then counts. */
  readonly signal: AbortSignal;
  /** Whether it rests most of the time; true when absent. */
  readonly rests?: boolean;
}

/**
 * Looks at the owner and the mode of every file on the device's own file systems: not on those of the kernel, of other
 * machines and of containers. Rejects when not even the mounts can be read.
 */
export async function scanFiles({ host, signal, rests = true }: ScanOptions): Promise<FileScan> {
  const { clock } = host;
  const startedMs = clock.wallMs();
  const startMs = clock.monotonicMs();
  const files = await HostFiles.open({ paths: host.paths, signal });
  const limitations: string[] = [];
  const limit = (sentence: string): void => void limitations.push(sentence);
  const mounts = await readMounts({ files, signal, limit });
  if (!('value' in mounts))
    throw new Error(
      `The mounts are not known: ${'absent' in mounts ? mounts.absent : mounts.unreadable}.`,
    );
  const known = await knownIds(files);
  const findings = new Findings('unknown' in known ? {} : known);
  const leftOut = new Set(foreignRoots);
  const total = { files: 0, unread: 0, cut: false };
  let incomplete: string | undefined;
  for (const mount of localMounts(mounts.value)) {
    try {
      const { mountPoint, options } = mount;
      const walked = await walk({
        start: await files.locate(mountPoint),
        startPath: mountPoint,
        leftOut,
        clock,
        rests,
        signal,
        take: (file) => findings.add({ ...file, obeysSetUid: !options.has('nosuid') }),
      });
      total.files += walked.files;
      total.unread += walked.unread;
      total.cut ||= walked.cut;
    } catch (error) {
      incomplete ??= signal.aborted
        ? 'the scan ran out of time'
        : `${mount.mountPoint} could not be scanned: ${plainReason(error)}`;
      if (signal.aborted) break;
    }
  }
  if (total.cut) incomplete ??= 'there are more files than one scan looks at';
  if (total.unread > 0) incomplete ??= `${total.unread} directories could not be read`;
  return {
    startedMs,
    durationMs: Math.round(clock.monotonicMs() - startMs),
    files: total.files,
    ...(incomplete !== undefined && { incomplete }),
    ...('unknown' in known && { ownersUnknown: known.unknown }),
    found: findings.result(),
  };
}

const longestAccountsBytes = 4 * 1024 * 1024;
/** Directory services have accounts that no file knows. */
const directories = /^\s*(passwd|group):.*\b(sss|ldap|winbind|nis|nisplus|compat|hesiod)\b/m;

async function knownIds(files: HostFiles): Promise<Required<KnownIds> | { unknown: string }> {
  const services = await files.text('/etc/nsswitch.conf');
  if ('unreadable' in services) return { unknown: services.unreadable };
  if ('value' in services && directories.test(services.value))
    return { unknown: 'accounts also come from a directory service, which is not enumerated' };
  const passwd = await files.text('/etc/passwd', longestAccountsBytes);
  if (!('value' in passwd)) return { unknown: 'the accounts of /etc/passwd cannot be read' };
  const groups = await files.text('/etc/group', longestAccountsBytes);
  if (!('value' in groups)) return { unknown: 'the groups of /etc/group cannot be read' };
  return {
    uids: new Set(parseAccounts(passwd.value).all.map(({ uid }) => uid)),
    gids: new Set(parseGroups(groups.value).map(({ gid }) => gid)),
  };
}
