import { stat } from 'node:fs/promises';
import { hasCode, plainReason } from '../../../base/errors.js';
import { readTextLines } from '../../kernel/files/text-lines.js';
import type { Paths } from '../../kernel/paths.js';
import type { InstalledPackage } from './package.js';
import {
  apkFormat,
  dpkgFormat,
  opkgFormat,
  type ParagraphFormat,
  ParagraphReader,
} from './paragraphs.js';

export interface DatabaseFile {
  /** On the device. */
  readonly path: string;
  readonly format: ParagraphFormat;
}

/** Where package managers keep, as text, what is installed; a manager has one of its places. */
export const databaseFiles: readonly DatabaseFile[] = [
  { path: '/var/lib/dpkg/status', format: dpkgFormat },
  { path: '/var/lib/opkg/status', format: opkgFormat },
  { path: '/usr/lib/opkg/status', format: opkgFormat },
  { path: '/lib/apk/db/installed', format: apkFormat },
  { path: '/usr/lib/apk/db/installed', format: apkFormat },
];

/** A full desktop takes 6 MB; apk lists every file of a package. */
export const longestDatabaseBytes = 64 * 1024 * 1024;
/** More than any field that is taken; some desktops have lists of dependencies of 20 KB. */
const longestLine = 64 * 1024;

/** A database that is there. */
export interface FoundDatabase extends DatabaseFile {
  /** Another one after each change of the file. */
  readonly stamp: string;
  /** Device and inode: the same file may be there under two paths. */
  readonly identity: string;
}

/** The databases that the device has, and why one that it has cannot be looked at. */
export async function findDatabases(
  paths: Pick<Paths, 'root'>,
): Promise<{ readonly found: readonly FoundDatabase[]; readonly unseen: readonly string[] }> {
  const found: FoundDatabase[] = [];
  const unseen: string[] = [];
  for (const file of databaseFiles) {
    try {
      const { dev, ino, mtimeMs, size } = await stat(paths.root + file.path);
      const identity = `${dev}:${ino}`;
      if (found.some((other) => other.identity === identity)) continue;
      found.push({ ...file, identity, stamp: `${ino} ${size} ${mtimeMs}` });
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) continue;
      unseen.push(`${file.path} cannot be read: ${plainReason(error)}.`);
    }
  }
  return { found, unseen };
}

export interface ReadDatabase {
  /** Paragraphs and lines that could not be taken. */
  readonly unparsed: number;
  /** The file has more than is read. */
  readonly cut: boolean;
}

/**
 * Hands over each installed package of a database, in its order, and holds no more than one at a time.
 * @throws what open(2) and read(2) throw, and when the signal is aborted
 */
export async function readDatabase(
  paths: Pick<Paths, 'root'>,
  { path, format }: DatabaseFile,
  signal: AbortSignal,
  onPackage: (found: InstalledPackage) => void,
): Promise<ReadDatabase> {
  const reader = new ParagraphReader(format, onPackage);
  const { cut, tooLong } = await readTextLines(paths.root + path, {
    signal,
    longestLine,
    longestFileBytes: longestDatabaseBytes,
    onLine: (line) => {
      reader.line(line);
      return undefined;
    },
  });
  // Of a paragraph that was cut off the end is not known, which may be its state.
  if (!cut) reader.end();
  return { unparsed: tooLong + reader.malformed, cut };
}
