import { createHash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';

/** Larger ones are told by their size and the time of their change. */
const largestBytes = 64 * 1024 * 1024;
const chunkBytes = 64 * 1024;
/** 64 bits: enough to tell one version of a program from another. */
const digits = 16;

/** The same as long as the file was not written, replaced or given another mode or owner. */
export function versionOf({ ctimeMs, dev, gid, ino, mode, mtimeMs, size, uid }: Stats): string {
  return [dev, ino, size, mtimeMs, ctimeMs, mode, uid, gid].join(' ');
}

/** Short SHA-256 sums of programs, each read once for each version. */
export class FileMarks {
  private known = new Map<string, { readonly version: string; readonly mark: string }>();

  /** `sha256 0123456789abcdef`; undefined where the file cannot be read, or changes meanwhile. */
  async of(
    place: string,
    path: string,
    stats: Stats,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const version = versionOf(stats);
    const known = this.known.get(path);
    if (known?.version === version) return known.mark;
    if (stats.size > largestBytes) return `${stats.size} bytes`;
    const sum = await sumOf(place, stats, signal).catch(() => undefined);
    signal.throwIfAborted();
    if (sum === undefined) return undefined;
    const mark = `sha256 ${sum}`;
    this.known.set(path, { version, mark });
    return mark;
  }

  /** Forgets all others. */
  keepOnly(paths: ReadonlyMap<string, unknown>): void {
    for (const path of this.known.keys()) if (!paths.has(path)) this.known.delete(path);
  }
}

async function sumOf(
  place: string,
  stats: Stats,
  signal: AbortSignal,
): Promise<string | undefined> {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  const file = await open(place, flags);
  try {
    const version = versionOf(stats);
    if (versionOf(await file.stat()) !== version) return undefined;
    const hash = createHash('sha256');
    const chunk = Buffer.allocUnsafe(chunkBytes);
    for (let left = stats.size; left > 0;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(chunk, 0, Math.min(left, chunkBytes), null);
      if (bytesRead === 0) break;
      left -= bytesRead;
      hash.update(chunk.subarray(0, bytesRead));
    }
    return versionOf(await file.stat()) === version
      ? hash.digest('hex').slice(0, digits)
      : undefined;
  } finally {
    await file.close();
  }
}
