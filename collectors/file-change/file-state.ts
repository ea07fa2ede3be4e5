import { createHash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { lstat, open, readlink } from 'node:fs/promises';
import { hasCode } from '../../base/errors.js';
import { isSecret } from './places/default-places.js';

/** What is at a path. */
export interface FileState {
  readonly type: 'file' | 'directory' | 'link' | 'other';
  /** Permission bits with set-uid, set-gid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  /** `MAJOR:MINOR:INODE`, decimal, so that it can be compared with what audit records. */
  readonly inode: string;
  /** SHA-256 of the content in base64url, of a link of what it says; undefined where it was not made. */
  readonly hash: string | undefined;
}

const largestHashedBytes = 1024 * 1024;
const longestTextBytes = 200;
const gone = ['ENOENT', 'ENOTDIR'];
const types = { file: 'f', directory: 'd', link: 'l', other: 'o' } as const;

/**
 * Looks at a path, and reads a file of at most 1 MiB that is not the one that was known; undefined when nothing is there.
 * Rejects when that cannot be told. A link is not followed.
 */
export async function readState(
  root: string,
  path: string,
  known: FileState | undefined,
): Promise<FileState | undefined> {
  let stats: Stats;
  try {
    stats = await lstat(root + path);
  } catch (error) {
    if (hasCode(error, ...gone)) return undefined;
    throw error;
  }
  const state = stateOf(stats);
  const isSame =
    known?.inode === state.inode &&
    known.size === state.size &&
    known.mtimeMs === state.mtimeMs &&
    known.ctimeMs === state.ctimeMs;
  if (isSame) return known;
  if (state.type === 'directory' || state.type === 'other' || isSecret(path)) return state;
  try {
    if (state.type === 'link') return { ...state, hash: digest(await readlink(root + path)) };
    if (state.size > largestHashedBytes) return state;
    return await hashed(root + path, state);
  } catch (error) {
    if (hasCode(error, ...gone)) return await readState(root, path, undefined);
    return state;
  }
}

async function hashed(file: string, state: FileState): Promise<FileState> {
  const handle = await open(
    file,
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY,
  );
  try {
    // Another file may have come meanwhile: the hash belongs to the one that was read.
    const opened = stateOf(await handle.stat());
    if (opened.type !== 'file' || opened.size > largestHashedBytes) return opened;
    const bytes = Buffer.allocUnsafe(opened.size + 1);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    // One that grows while it is read will be told as changed again.
    if (length > opened.size) return opened.inode === state.inode ? state : opened;
    return { ...opened, hash: digest(bytes.subarray(0, length)) };
  } finally {
    await handle.close();
  }
}

function digest(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('base64url');
}

function stateOf(stats: Stats): FileState {
  const { ctimeMs, dev, gid, ino, mode, mtimeMs, size, uid } = stats;
  const isDirectory = stats.isDirectory();
  return {
    type: stats.isFile()
      ? 'file'
      : isDirectory
        ? 'directory'
        : stats.isSymbolicLink()
          ? 'link'
          : 'other',
    mode: mode & 0o7777,
    uid,
    gid,
    // Those of a directory say what its entries say for themselves.
    size: isDirectory ? 0 : size,
    mtimeMs: isDirectory ? 0 : Math.floor(mtimeMs),
    ctimeMs: isDirectory ? 0 : Math.floor(ctimeMs),
    inode: inodeOf({ dev, ino }),
    hash: undefined,
  };
}

/** `MAJOR:MINOR:INODE`, decimal. */
export function inodeOf({ dev, ino }: Pick<Stats, 'dev' | 'ino'>): string {
  return `${majorOf(dev)}:${minorOf(dev)}:${ino}`;
}

/** makedev(3), as stat(2) packs the two numbers; of a 32-bit device number. */
function majorOf(device: number): number {
  return (device >>> 8) & 0xfff;
}

function minorOf(device: number): number {
  return (device & 0xff) | ((device >>> 12) & 0xfff00);
}

/** As one line, which takes less memory than an object, and is what is kept on disk. */
export function stateText(state: FileState): string {
  const { ctimeMs, gid, hash, inode, mode, mtimeMs, size, type, uid } = state;
  const times = `${mtimeMs} ${ctimeMs}`;
  return `${types[type]} ${mode.toString(8)} ${uid} ${gid} ${size} ${times} ${inode} ${hash ?? '-'}`;
}

const line =
  /^([fdlo]) ([0-7]{1,4}) (\d{1,10}) (\d{1,10}) (\d{1,16}) (-?\d{1,16}) (-?\d{1,16}) (\d+:\d+:\d+) ([\w-]{43}|-)$/u;

/** Undefined for what `stateText` never wrote. */
export function parseState(text: string): FileState | undefined {
  const match = text.length > longestTextBytes ? null : line.exec(text);
  if (match === null) return undefined;
  const [, letter, mode = '', uid, gid, size, mtimeMs, ctimeMs, inode = '', hash] = match;
  const type = (Object.keys(types) as FileState['type'][]).find((name) => types[name] === letter);
  return {
    type: type ?? 'other',
    mode: Number.parseInt(mode, 8),
    uid: Number(uid),
    gid: Number(gid),
    size: Number(size),
    mtimeMs: Number(mtimeMs),
    ctimeMs: Number(ctimeMs),
    inode,
    hash: hash === '-' ? undefined : hash,
  };
}

/** What became of a path; undefined when nothing that is told. */
export function changeOf(
  before: FileState | undefined,
  after: FileState | undefined,
): 'Created' | 'Deleted' | 'Changed' | 'Mode' | 'Owner' | undefined {
  if (before === undefined) return after === undefined ? undefined : 'Created';
  if (after === undefined) return 'Deleted';
  if (before.type !== after.type || isOtherContent(before, after)) return 'Changed';
  if (before.mode !== after.mode) return 'Mode';
  return before.uid !== after.uid || before.gid !== after.gid ? 'Owner' : undefined;
}

function isOtherContent(before: FileState, after: FileState): boolean {
  if (before.type === 'directory') return false;
  if (before.hash !== undefined && after.hash !== undefined) return before.hash !== after.hash;
  const isSameFile = before.inode === after.inode && before.mtimeMs === after.mtimeMs;
  return !isSameFile || before.size !== after.size;
}
