import { opendir } from 'node:fs/promises';
import { posix } from 'node:path';
import type { Clock } from '../../base/clock.js';
import type { Places } from './places/places.js';

interface ScanOptions {
  readonly places: Places;
  readonly clock: Clock;
  /** Looks at a path and answers whether a directory is there; must not reject. */
  readonly look: (path: string, place: string) => Promise<boolean>;
  /** A directory whose entries are read next. */
  readonly onDirectory: (path: string) => void;
  /** A directory could not be read. */
  readonly onFailed: () => void;
  readonly isStopped: () => boolean;
}

const looksAtOnce = 32;
const restMs = 20;
const mostLooks = 16_384;
const mostDirectories = 512;

/**
 * Looks at everything that is watched, a few files at a time; of more than 16,384 paths or 512 directories the rest is left
 * out, and the answer is false.
 */
export async function scanPlaces(options: ScanOptions): Promise<boolean> {
  const { clock, isStopped, look, onDirectory, onFailed, places } = options;
  const seen = new Set<string>();
  let directories = 0;
  const visit = async (path: string, place: string): Promise<void> => {
    if (isStopped() || seen.has(path) || seen.size >= mostLooks) return;
    seen.add(path);
    if (seen.size % looksAtOnce === 0)
      await new Promise<void>((resolve) => clock.after(restMs, resolve));
    const isDirectory = await look(path, place);
    if (!isDirectory || !places.entersInto(path) || directories >= mostDirectories) return;
    directories++;
    // Before its entries are read: one that comes meanwhile is seen by the one or the other.
    onDirectory(path);
    for (const name of await namesIn(places.root + path, onFailed)) {
      const entry = posix.join(path, name);
      if (places.covers(entry)) await visit(entry, place);
    }
  };
  for (const { path } of places.all) await visit(path, path);
  return seen.size < mostLooks && directories < mostDirectories;
}

/** At most as many as a scan looks at. */
async function namesIn(directory: string, onFailed: () => void): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of await opendir(directory)) {
      if (names.push(name) >= mostLooks) break;
    }
  } catch {
    onFailed();
  }
  return names;
}
