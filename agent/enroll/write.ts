import { chmod, chown, link, lstat, rename, rm, rmdir } from 'node:fs/promises';
import { hasCode, plainReason } from '../../base/errors.js';
import { CommandError, exitCodes } from '../../base/exit-codes.js';
import { makeDirectory } from '../../base/make-directory.js';
import { stageFile, type StagedFile } from '../../base/staged-file.js';

export interface Files {
  /** For root alone. */
  readonly secrets: readonly SecretFile[];
  readonly settingsFile: string;
  /** The new settings; undefined when those that are there stay. */
  readonly settings: string | undefined;
  /** The group that may read the settings. */
  readonly groupId: number | undefined;
}

export interface SecretFile {
  readonly path: string;
  readonly content: string | Uint8Array;
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const directoryMode = 0o750;
const settingsMode = 0o640;
const secretMode = 0o600;

/**
 * Puts all of them into `directory`, or leaves it as it was. The settings come last: they are what names the secrets.
 * @throws CommandError (77)
 */
export async function writeFiles(directory: string, files: Files): Promise<void> {
  const { secrets, settingsFile, settings } = files;
  const self = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  const reader = self.uid === 0 ? { uid: 0, gid: files.groupId ?? self.gid } : self;
  let madeDirectory = false;
  try {
    madeDirectory = await makeDirectory(directory, directoryMode);
    if (madeDirectory) await allow(directory, reader, directoryMode);
    const replacements: Replacement[] = secrets.map((secret) => ({
      ...secret,
      mode: secretMode,
      owner: self,
    }));
    if (settings !== undefined)
      replacements.push({
        path: settingsFile,
        content: settings,
        mode: settingsMode,
        owner: reader,
      });
    await replaceAll(replacements);
    // Where it is a mount of its own these may be refused, and who reads it is decided elsewhere.
    if (settings === undefined)
      await allow(settingsFile, reader, settingsMode).catch(() => undefined);
  } catch (error) {
    if (madeDirectory) await rmdir(directory).catch(() => undefined);
    const outcome = error instanceof HalfWrittenError ? '' : ' Nothing was changed.';
    throw new CommandError(
      `The configuration could not be written to ${directory}: ${faultOf(error)}.${outcome}`,
      exitCodes.noPermission,
    );
  }
}

/** Whatever the umask. */
async function allow(path: string, { uid, gid }: Owner, mode: number): Promise<void> {
  await chown(path, uid, gid);
  await chmod(path, mode);
}

interface Replacement extends SecretFile {
  readonly mode: number;
  readonly owner: Owner;
}

/** Not a name under which somebody may keep a copy of his own. */
const besides = (path: string): string => `${path}.before-enroll`;

/** Replaces all of them or none: the old ones get a second name until the new ones are in place. */
async function replaceAll(replacements: readonly Replacement[]): Promise<void> {
  const staged: StagedFile[] = [];
  const kept: { readonly path: string; readonly wasThere: boolean }[] = [];
  try {
    for (const { path, content, mode, owner } of replacements) {
      for (const place of [path, `${path}.new`, besides(path)]) await refuseDirectory(place);
      staged.push(await stageFile(path, content, { mode, owner }));
    }
    for (const { path } of replacements) kept.push({ path, wasThere: await keep(path) });
    for (const file of staged) await file.commit();
  } catch (error) {
    for (const file of staged) await file.discard().catch(() => undefined);
    const notPutBack: string[] = [];
    for (const { path, wasThere } of kept) {
      await (wasThere ? putBack(path) : rm(path, { force: true })).catch((failure: unknown) => {
        notPutBack.push(
          `${path} is new already; the old one is ${besides(path)}, and could not be put back: ${plainReason(failure)}`,
        );
      });
    }
    if (notPutBack.length > 0)
      throw new HalfWrittenError([faultOf(error), ...notPutBack].join('; '));
    throw error;
  }
  for (const { path } of kept) await rm(besides(path), { force: true }).catch(() => undefined);
}

/** Not all could be undone; `message` says what was not. */
class HalfWrittenError extends Error {
  override readonly name = 'HalfWrittenError';
}

/** Gives the file its second name. @returns whether there was one */
async function keep(path: string): Promise<boolean> {
  await rm(besides(path), { force: true });
  try {
    await link(path, besides(path));
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

async function putBack(path: string): Promise<void> {
  const [now, old] = await Promise.all([lstat(path), lstat(besides(path))]);
  // rename(2) does nothing with two names of one file.
  await (now.ino === old.ino ? rm(besides(path)) : rename(besides(path), path));
}

async function refuseDirectory(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isDirectory() === true) {
    throw new Error(`${path} is a directory, in the place of a file; move it away`);
  }
}

function faultOf(error: unknown): string {
  const reason = plainReason(error);
  // rename(2) and link(2) of a file that was mounted singly, into a container for example.
  if (hasCode(error, 'EBUSY', 'EXDEV')) {
    const { code, dest, path, syscall } = error as NodeJS.ErrnoException & { dest?: string };
    const place = (syscall === 'rename' ? dest : path) ?? 'a file';
    return `${place} cannot be replaced, because it is mounted by itself (${code}); mount its directory instead, or change it where it comes from`;
  }
  if (hasCode(error, 'ENOENT', 'ENOTDIR')) return `${reason}; name another with --directory`;
  const isRoot = process.geteuid?.() === 0;
  return hasCode(error, 'EACCES', 'EPERM') && !isRoot
    ? `${reason}; run this command as root`
    : reason;
}
