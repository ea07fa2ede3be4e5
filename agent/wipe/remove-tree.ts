import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readdir, rmdir, unlink } from 'node:fs/promises';
import { hasCode, plainReason } from '../../base/errors.js';
import { overwrite } from './overwrite.js';

/** What is to be removed of one directory. */
export interface Selection {
  /** An entry by the names on the way to it; asked of what stands in a directory only where that is ours. */
  readonly isOurs: (way: readonly string[]) => boolean;
  /** Overwritten before it is removed. */
  readonly isSecret: (name: string) => boolean;
  /** An entry of the directory itself that stays, and why. */
  readonly keeps?: Left;
  /** The directory itself stays, also when it is empty. */
  readonly keepsDirectory?: true;
}

/** Something that was removed, or would be. */
export interface Removed {
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  /** For a secret: it was overwritten before, or why not. */
  readonly secret?: { readonly notOverwritten?: string };
}

/** Something that is still there, and why: `why` completes "… stays: ". */
export interface Left {
  readonly path: string;
  readonly why: string;
}

export interface Removal {
  readonly removed: Removed[];
  readonly left: Left[];
}

const deepest = 64;

/**
 * Removes what is selected of a directory, and the directory when it is empty then. Symbolic links are removed and never
 * followed, not even when somebody exchanges a directory for one meanwhile: each directory is opened without following
 * and its entries are reached through that descriptor. Other file systems that are mounted within are left. Never throws.
 * @param act false: only tells what would be removed
 */
export async function removeTree(
  path: string,
  selection: Selection,
  act: boolean,
): Promise<Removal> {
  const removal: Removal = { removed: [], left: [] };
  await new Remover(selection, act, removal).root(path);
  return removal;
}

class Remover {
  constructor(
    private readonly selection: Selection,
    private readonly act: boolean,
    private readonly removal: Removal,
  ) {}

  private others = 0;

  async root(path: string): Promise<void> {
    let handle: FileHandle;
    try {
      handle = await openDirectory(path);
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return;
      const isLink = hasCode(error, 'ELOOP', 'ENOTDIR');
      this.leave(
        path,
        isLink
          ? 'it is no directory, or a symbolic link, which is not followed; name the directory that it leads to in the configuration'
          : plainReason(error),
      );
      return;
    }
    try {
      const isEmpty = await this.entries(handle, path, []);
      if (this.selection.keepsDirectory) return;
      if (this.others > 0) this.leave(path, `${this.others} files in it are not the agent's`);
      if (!isEmpty) return;
    } finally {
      await handle.close();
    }
    await this.take({ path, kind: 'directory' }, () => rmdir(path));
  }

  /** @returns whether nothing is left in the directory */
  private async entries(
    directory: FileHandle,
    path: string,
    way: readonly string[],
  ): Promise<boolean> {
    const base = `/proc/self/fd/${directory.fd}`;
    let names: readonly Buffer[];
    let device: number;
    try {
      names = await readdir(base, { encoding: 'buffer' });
      device = (await directory.stat()).dev;
    } catch (error) {
      this.leave(path, plainReason(error));
      return false;
    }
    let isEmpty = true;
    for (const name of names) {
      const told = name.toString('utf8');
      if (this.selection.keeps?.path === `${path}/${told}`) {
        this.removal.left.push(this.selection.keeps);
        isEmpty = false;
        continue;
      }
      if (!this.selection.isOurs([...way, told])) {
        isEmpty = false;
        this.others++;
        continue;
      }
      // Names are bytes, and need not be UTF-8.
      const place = Buffer.concat([Buffer.from(`${base}/`), name]);
      const isGone = await this.entry(place, path, [...way, told], device);
      isEmpty &&= isGone;
    }
    return isEmpty;
  }

  private async entry(
    place: Buffer,
    parent: string,
    way: readonly string[],
    device: number,
  ): Promise<boolean> {
    const name = way.at(-1) ?? '';
    const path = `${parent}/${name}`;
    let stats: Stats;
    try {
      stats = await lstat(place);
    } catch (error) {
      return hasCode(error, 'ENOENT') || this.leave(path, plainReason(error));
    }
    if (stats.isDirectory()) return this.directory(place, path, way, device);
    const kind = stats.isFile() ? 'file' : stats.isSymbolicLink() ? 'link' : 'other';
    if (kind !== 'file' || !this.selection.isSecret(name))
      return this.take({ path, kind }, () => unlink(place));
    const fault = this.act ? await overwrite(place) : undefined;
    const secret = fault === undefined ? {} : { notOverwritten: fault };
    return this.take({ path, kind, secret }, () => unlink(place));
  }

  private async directory(
    place: Buffer,
    path: string,
    way: readonly string[],
    device: number,
  ): Promise<boolean> {
    if (way.length > deepest)
      return this.leave(path, `it is nested more than ${deepest} levels deep`);
    let handle: FileHandle;
    try {
      handle = await openDirectory(place);
    } catch (error) {
      return this.leave(path, plainReason(error));
    }
    try {
      if ((await handle.stat()).dev !== device)
        return this.leave(path, 'another file system is mounted there');
      if (!(await this.entries(handle, path, way))) return false;
    } finally {
      await handle.close();
    }
    return this.take({ path, kind: 'directory' }, () => rmdir(place));
  }

  private async take(removed: Removed, work: () => Promise<void>): Promise<boolean> {
    try {
      if (this.act) await work();
    } catch (error) {
      if (!hasCode(error, 'ENOENT'))
        return this.leave(
          removed.path,
          hasCode(error, 'EBUSY') ? 'it is a mount point' : plainReason(error),
        );
    }
    this.removal.removed.push(removed);
    return true;
  }

  private leave(path: string, why: string): false {
    this.removal.left.push({ path, why });
    return false;
  }
}

function openDirectory(path: string | Buffer): Promise<FileHandle> {
  const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
  return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}
