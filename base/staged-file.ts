import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface StagedFile {
  /** Puts it in its place, so that after a crash there is either the old or the new text. */
  commit(): Promise<void>;
  /** Leaves what was there. */
  discard(): Promise<void>;
}

/** Writes a file beside `path`, with its final owner and mode from the first byte on, to be put there or not. */
export async function stageFile(
  path: string,
  content: string | Uint8Array,
  options: {
    readonly mode: number;
    readonly owner?: { readonly uid: number; readonly gid: number };
  },
): Promise<StagedFile> {
  const { mode, owner } = options;
  const temporary = `${path}.new`;
  // In a directory of somebody else a link may wait there: what exists is never written into.
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', 0o600);
  const discard = (): Promise<void> => rm(temporary, { force: true });
  try {
    if (owner !== undefined) await file.chown(owner.uid, owner.gid);
    await file.chmod(mode);
    await file.writeFile(content);
    await file.sync();
  } catch (error) {
    await discard().catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
  return {
    async commit() {
      await rename(temporary, path);
      // The rename itself lives in the directory, and is lost with a power cut unless that is synced too (fsync(2)).
      const directory = await open(dirname(path), 'r');
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    },
    discard,
  };
}
