import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';

/**
 * Reads what is appended to a file of fixed-size records, also over its rotation.
 *
 * 1. What stood in the file at the first `open` is passed over; of a file that comes later everything is read.
 * 2. Each whole record is read once; one that is still being written is read when it is whole.
 * 3. A file that was replaced is read to its end before its successor; one that was cut is read from its start.
 */
export class GrowingFile {
  private descriptor: number | undefined;
  private offset = 0;
  private opened = false;

  constructor(
    private readonly path: string,
    private readonly recordBytes: number,
  ) {}

  /** Why the file cannot be read, as an errno name; undefined when it can. */
  open(): string | undefined {
    const first = !this.opened;
    this.opened = true;
    try {
      this.descriptor ??= openRegular(this.path);
      if (first) {
        const { size } = fstatSync(this.descriptor);
        this.offset = size - (size % this.recordBytes);
      }
      return undefined;
    } catch (error) {
      return errorCode(error);
    }
  }

  /**
   * Gives every record that is new; at most `mostRecords` at once, the rest with the next call. Answers why the rest
   * cannot be read, as an errno name; then the file is closed.
   */
  read(onRecord: (bytes: Buffer) => void, mostRecords = 4096): string | undefined {
    let left = mostRecords;
    for (;;) {
      if (this.descriptor === undefined && this.open() !== undefined) return undefined;
      if (this.descriptor === undefined) return undefined;
      const records: Buffer[] = [];
      try {
        if (fstatSync(this.descriptor).size < this.offset) this.offset = 0;
        this.drain(this.descriptor, records, left);
      } catch (error) {
        this.close();
        return errorCode(error);
      } finally {
        for (const record of records) onRecord(record);
      }
      left -= records.length;
      if (left <= 0 || !this.wasReplaced(this.descriptor)) return undefined;
      this.close();
    }
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
    this.offset = 0;
  }

  private drain(descriptor: number, records: Buffer[], most: number): void {
    while (records.length < most) {
      const bytes = Buffer.alloc(this.recordBytes);
      const read = readSync(descriptor, bytes, 0, bytes.length, this.offset);
      if (read < bytes.length) return;
      this.offset += bytes.length;
      records.push(bytes);
    }
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
