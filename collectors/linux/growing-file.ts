import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';

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
      this.descriptor ??= openSync(this.path, 'r');
      if (first) {
        const { size } = fstatSync(this.descriptor);
        this.offset = size - (size % this.recordBytes);
      }
      return undefined;
    } catch (error) {
      return errorCode(error);
    }
  }

  /** Gives every record that is new; at most `mostRecords` at once, the rest with the next call. */
  read(onRecord: (bytes: Buffer) => void, mostRecords = 4096): void {
    let left = mostRecords;
    for (;;) {
      if (this.descriptor === undefined && this.open() !== undefined) return;
      if (this.descriptor === undefined) return;
      if (fstatSync(this.descriptor).size < this.offset) this.offset = 0;
      left -= this.drain(this.descriptor, onRecord, left);
      if (left <= 0 || !this.wasReplaced(this.descriptor)) return;
      this.close();
    }
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
    this.offset = 0;
  }

  private drain(descriptor: number, onRecord: (bytes: Buffer) => void, most: number): number {
    const bytes = Buffer.alloc(this.recordBytes);
    for (let count = 0; ; count++) {
      if (count >= most) return count;
      const read = readSync(descriptor, bytes, 0, bytes.length, this.offset);
      if (read < bytes.length) return count;
      this.offset += bytes.length;
      onRecord(bytes);
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

function errorCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'EIO';
}
