/** One line without its line feed. */
export interface Line {
  readonly text: string;
  /** From 1. */
  readonly number: number;
  /** `too-long`: the line was longer than is read, and `text` is empty; `cut`: the file ended before the line did. */
  readonly state: 'whole' | 'too-long' | 'cut';
}

/** The longest record of the kernel has 8970 bytes (MAX_AUDIT_MESSAGE_LENGTH); auditd adds names to it. */
const longestLineBytes = 256 * 1024;

/** Cuts a stream of bytes into lines in bounded memory, whatever is in it. */
export class LineSplitter {
  private pieces: Buffer[] = [];
  private sizeBytes = 0;
  private number = 0;

  constructor(
    private readonly onLine: (line: Line) => void,
    private readonly longestBytes: number = longestLineBytes,
  ) {}

  push(chunk: Buffer): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(0x0a, start);
      if (end === -1) break;
      this.take(chunk.subarray(start, end));
      this.emit('whole');
      start = end + 1;
    }
    this.take(chunk.subarray(start));
  }

  /** The end of the file: what came after the last line feed is a line that was cut. */
  end(): void {
    if (this.sizeBytes > 0) this.emit('cut');
  }

  private take(piece: Buffer): void {
    this.sizeBytes += piece.length;
    if (this.sizeBytes > this.longestBytes) this.pieces = [];
    else if (piece.length > 0) this.pieces.push(piece);
  }

  private emit(state: 'whole' | 'cut'): void {
    const [first] = this.pieces;
    const bytes = this.pieces.length === 1 && first ? first : Buffer.concat(this.pieces);
    const isTooLong = this.sizeBytes > this.longestBytes;
    this.pieces = [];
    this.sizeBytes = 0;
    this.number++;
    this.onLine({
      text: isTooLong ? '' : bytes.toString('utf8'),
      number: this.number,
      state: isTooLong ? 'too-long' : state,
    });
  }
}
