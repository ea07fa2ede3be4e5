import { promises as fs } from 'node:fs';
import { join } from 'node:path';

import { hasCode } from '../../base/errors.js';
import type { SpoolFiles } from './files.js';
import { ignore } from './segment-files.js';

/** Another process that lives uses the directory. */
export class SpoolLockedError extends Error {
  override readonly name = 'SpoolLockedError';
  constructor(
    readonly directory: string,
    readonly pid: number,
  ) {
    super(
      `The agent cannot start: its local cache ${directory} is in use by process ${pid}, another agent; end that one first (kill ${pid}, or systemctl stop iot-security-agent), or set "stateDirectory" of this one to another directory.`,
    );
  }
}

/** Tells one life of a process from every other one, also over a restart of the system. */
export type Identify = (pid: number) => Promise<string | undefined>;

/** Pid, start time (proc_pid_stat(5), field 22) and boot; undefined when no such process lives. */
const identifyProcess: Identify = async (pid) => {
  try {
    const stat = await fs.readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field, the name, may itself contain blanks and parentheses.
    const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    const boot = await fs.readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${pid} ${startTicks} ${boot.trim()}`;
  } catch {
    return undefined;
  }
};

/**
 * Takes the directory for this process. The lock is a symbolic link whose target is its content, because such a link
 * is made with its content in one step: it is never half written. That of a dead process is taken over. Resolves to
 * the function that gives it back.
 */
export async function lockDirectory(
  files: SpoolFiles,
  directory: string,
  identify: Identify = identifyProcess,
): Promise<() => Promise<void>> {
  const path = join(directory, 'lock');
  const own = (await identify(process.pid)) ?? `${process.pid} unknown`;
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      await files.symlink(own, path);
      return async () => {
        if ((await readLock(files, path)) === own) await files.unlink(path).catch(ignore);
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = await readLock(files, path);
    const pid = Number.parseInt(holder, 10);
    if (pid > 0 && (await identify(pid)) === holder) throw new SpoolLockedError(directory, pid);
    await moveStale(files, path, holder);
  }
  // Nobody who lives holds it, and it cannot be moved: on a disk that is read-only since the crash, for example.
  return () => Promise.resolve();
}

/** Moves a stale lock away; when another process took it over in between, that one's lock is put back. */
async function moveStale(files: SpoolFiles, path: string, stale: string): Promise<void> {
  const aside = `${path}.${process.pid}.quarantine`;
  await files.rename(path, aside).catch(ignore);
  const moved = await readLock(files, aside);
  if (moved !== stale && moved !== '') await files.symlink(moved, path).catch(ignore);
  await files.unlink(aside).catch(ignore);
}

async function readLock(files: SpoolFiles, path: string): Promise<string> {
  return files.readlink(path).catch(() => '');
}

/**
 * The process that lives and has the directory, without taking it; undefined where nobody has.
 * @throws NodeJS.ErrnoException where that may not be looked at
 */
export async function lockHolder(
  directory: string,
  identify: Identify = identifyProcess,
): Promise<number | undefined> {
  let holder: string;
  try {
    holder = await fs.readlink(join(directory, 'lock'));
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'EINVAL')) return undefined;
    throw error;
  }
  const pid = Number.parseInt(holder, 10);
  return pid > 0 && (await identify(pid)) === holder ? pid : undefined;
}
