import { constants } from 'node:fs';
import type { Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

/** A file could not be read; `message` completes "<path> ...". */
export class FileError extends Error {
  override readonly name = 'FileError';

  constructor(
    readonly kind: 'missing' | 'forbidden' | 'unreadable' | 'too-large',
    message: string,
  ) {
    super(message);
  }
}

export interface FileContent {
  readonly text: string;
  /** Of the very file that was read, whatever the path leads to by now. */
  readonly stats: Stats;
}

/**
 * Reads a regular file that somebody named in a setting; follows symbolic links.
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
    const buffer = Buffer.alloc(maxBytes + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
      length += bytesRead;
      if (length > maxBytes) {
        throw new FileError('too-large', `has more than ${maxBytes} bytes; name the right file`);
      }
      if (bytesRead === 0) return { text: buffer.toString('utf8', 0, length), stats };
    }
  } catch (error) {
    throw describe(error);
  } finally {
    await handle.close();
  }
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
