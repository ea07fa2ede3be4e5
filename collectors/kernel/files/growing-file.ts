import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';

/**
 * Reads what is appended to a file, also over its rotation.
 *
 * 1. What stood in the file at the first `open` is passed over; of a file that comes later everything is read.
 * 2. Everything is read once, in units of some bytes; a unit that is still being written is read when it is whole.
 * 3. A file that was replaced is read to its end before its successor; one that was cut is read from its start.
 */
export class GrowingFile {
  private descriptor: number | undefined;
  private offset = 0;
  private opened = false;

  constructor(
    private readonly path: string,
    private readonly unitBytes: number,
  ) {}

  /** Why the file cannot be read, as an errno name; undefined when it can. */
  open(): string | undefined {
    const first = !this.opened;
    this.opened = true;
    try {
      this.descriptor ??= openRegular(this.path);
      if (first) {
        const { size } = fstatSync(this.descriptor);
        this.offset = size - (size % this.unitBytes);
      }
      return undefined;
    } catch (error) {
      return errorCode(error);
    }
  }

  /**
   * Gives what is new, in pieces of whole units; at most `mostBytes` at once, the rest with the next call. `isStart` says
   * that a piece is the beginning of a file. Answers why the rest cannot be read, as an errno name; then the file is
   * closed.
   */
  read(
    onBytes: (bytes: Buffer, isStart: boolean) => void,
    mostBytes = 1_572_864,
  ): string | undefined {
    let left = mostBytes;
    for (;;) {
      if (this.descriptor === undefined && this.open() !== undefined) return undefined;
      if (this.descriptor === undefined) return undefined;
      const pieces: { bytes: Buffer; isStart: boolean }[] = [];
      try {
        if (fstatSync(this.descriptor).size < this.offset) this.offset = 0;
        while (left > 0) {
          const isStart = this.offset === 0;
          const bytes = this.readPiece(this.descriptor);
          if (bytes.length === 0) break;
          left -= bytes.length;
          pieces.push({ bytes, isStart });
        }
      } catch (error) {
        this.close();
        return errorCode(error);
      } finally {
        for (const { bytes, isStart } of pieces) onBytes(bytes, isStart);
      }
      if (left <= 0 || !this.wasReplaced(this.descriptor)) return undefined;
      this.close();
    }
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
    this.offset = 0;
  }

  private readPiece(descriptor: number): Buffer {
    const bytes = Buffer.alloc(
      Math.max(1, Math.floor(pieceBytes / this.unitBytes)) * this.unitBytes,
    );
    const read = readSync(descriptor, bytes, 0, bytes.length, this.offset);
    const whole = read - (read % this.unitBytes);
    this.offset += whole;
    return bytes.subarray(0, whole);
  }

  private wasReplaced(descriptor: number): boolean {
    try {
      const [now, open] = [statSync(this.path), fstatSync(descriptor)];
      return now.ino !== open.ino || now.dev !== open.dev;
    } catch {
      // Between the two renames of a rotation there is no file: the old one stays open until there is.
      return false;
    }
  }
}

const pieceBytes = 65_536;

/** A directory opens as well, as does a pipe, which would hold the process: the file of a container that was missing. */
function openRegular(path: string): number {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if (fstatSync(descriptor).isFile()) return descriptor;
  closeSync(descriptor);
  throw Object.assign(new Error(`${path} is not a regular file`), { code: 'EISDIR' });
}

function errorCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'EIO';
}
