import { constants } from 'node:fs';
import type { Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { encodingFault, otherEncoding } from './text-encoding.js';

/** A file could not be read; `message` completes "<path> ...". */
export class FileError extends Error {
  override readonly name = 'FileError';

  constructor(
    readonly kind: 'missing' | 'forbidden' | 'unreadable' | 'too-large' | 'other-encoding',
    message: string,
  ) {
    super(message);
  }
}

interface FileContent {
  readonly bytes: Buffer;
  /** Of the very file that was read, whatever the path leads to by now. */
  readonly stats: Stats;
}

interface TextFile {
  readonly text: string;
  readonly stats: Stats;
}

/**
 * Reads a text that somebody wrote, in UTF-8; one in another encoding is refused by its name. Follows symbolic links.
 * @throws FileError
 */
export async function readTextFile(path: string, maxBytes: number): Promise<TextFile> {
  const { bytes, stats } = await readBoundedFile(path, maxBytes);
  const encoding = otherEncoding(bytes);
  if (encoding !== undefined) throw new FileError('other-encoding', encodingFault(encoding));
  return { text: bytes.toString('utf8'), stats };
}

/**
 * Reads a regular file, whatever is in it; follows symbolic links.
 * @throws FileError
 */
export async function readBoundedFile(path: string, maxBytes: number): Promise<FileContent> {
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK, opening a named pipe waits for somebody who writes to it.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw describe(error);
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) {
      const what = stats.isDirectory() ? 'a directory' : 'not a regular file';
      throw new FileError('unreadable', `is ${what}; name a file`);
    }
    // The size told by the file system is zero for files of /proc, and may change: what counts is what is read.
    let buffer: Buffer = Buffer.alloc(Math.min(maxBytes, Math.max(stats.size, firstBytes)) + 1);
    let length = 0;
    for (;;) {
      if (length === buffer.length) buffer = grown(buffer, maxBytes + 1);
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
      length += bytesRead;
      if (length > maxBytes) {
        throw new FileError('too-large', `has more than ${maxBytes} bytes; name the right file`);
      }
      if (bytesRead === 0) return { bytes: buffer.subarray(0, length), stats };
    }
  } catch (error) {
    throw describe(error);
  } finally {
    await handle.close();
  }
}

/** The bound is for what is hostile; most files are far smaller, and many are read in a row. */
const firstBytes = 4096;

function grown(buffer: Buffer, atMostBytes: number): Buffer {
  const larger = Buffer.alloc(Math.min(2 * buffer.length, atMostBytes));
  buffer.copy(larger);
  return larger;
}

function describe(error: unknown): FileError {
  if (error instanceof FileError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new FileError('missing', 'does not exist; create it or correct the path');
    case 'EACCES':
    case 'EPERM':
      return new FileError(
        'forbidden',
        `may not be read by user ${process.geteuid?.() ?? '?'}; make it, and the directories above it, readable to that user`,
      );
    case 'ELOOP':
      return new FileError('unreadable', 'is a symbolic link that leads back to itself; mend it');
    default:
      return new FileError('unreadable', `cannot be read (${code}); check the file system`);
  }
}
