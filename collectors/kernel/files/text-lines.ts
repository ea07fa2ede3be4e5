import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';

interface TextLinesOptions {
  readonly signal: AbortSignal;
  /** In characters; what is longer is left out and counted. */
  readonly longestLine: number;
  /** Reading ends there. */
  readonly longestFileBytes: number;
  /** Ends the reading early when it returns false. */
  readonly onLine: (line: string) => boolean | undefined;
}

interface TextLines {
  /** Lines that were too long. */
  readonly tooLong: number;
  /** The file has more than was looked at. */
  readonly cut: boolean;
}

const chunkBytes = 64 * 1024;

/**
 * Reads a text line by line and holds no more than one line and one chunk of it: some files are megabytes of which a
 * few lines are wanted. Throws what open(2) and read(2) throw, and when the signal is aborted.
 */
export async function readTextLines(path: string, options: TextLinesOptions): Promise<TextLines> {
  const { signal, longestLine, longestFileBytes, onLine } = options;
  // Without O_NONBLOCK, opening a named pipe waits for somebody who writes to it.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const decoder = new StringDecoder('utf8');
    const buffer = Buffer.allocUnsafe(chunkBytes);
    let tooLong = 0;
    let rest = '';
    let skipping = false;
    for (let totalBytes = 0; ;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, chunkBytes, null);
      totalBytes += bytesRead;
      const lines = (rest + decoder.write(buffer.subarray(0, bytesRead))).split('\n');
      rest = bytesRead === 0 ? '' : (lines.pop() ?? '');
      for (const line of lines) {
        const isTail = skipping;
        skipping = false;
        if (isTail) continue;
        if (line.length > longestLine) tooLong++;
        else if (onLine(line) === false) return { tooLong, cut: false };
      }
      if (rest.length > longestLine) {
        if (!skipping) tooLong++;
        skipping = true;
        rest = '';
      }
      if (bytesRead === 0) return { tooLong, cut: false };
      if (totalBytes >= longestFileBytes) return { tooLong, cut: true };
    }
  } finally {
    await file.close();
  }
}
