/** A file of an archive. */
export interface ArchiveEntry {
  /** Of at most 100 ASCII characters, without a slash at its beginning. */
  readonly name: string;
  readonly content: Buffer;
}

const blockBytes = 512;
/** Where the fields of a header begin and how long they are (POSIX.1-1988, ustar; tar(5)). */
const fields = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  magic: [257, 8],
} as const satisfies Readonly<Record<string, readonly [number, number]>>;

/** An archive of plain files, which belong to root and which their owner alone may read. */
export function tarArchive(entries: readonly ArchiveEntry[], wallMs: number): Buffer {
  const blocks: Buffer[] = [];
  for (const { content, name } of entries) {
    blocks.push(header(name, content.length, Math.floor(wallMs / 1000)), content, padding(content));
  }
  // Two empty blocks end it.
  return Buffer.concat([...blocks, Buffer.alloc(2 * blockBytes)]);
}

function header(name: string, size: number, mtimeSeconds: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  const put = (field: keyof typeof fields, text: string): void => {
    const [offset, length] = fields[field];
    if (Buffer.byteLength(text) > length) throw new RangeError(`${field} does not fit: ${text}`);
    block.write(text, offset, 'latin1');
  };
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0');
  put('name', name);
  put('mode', octal(0o600, 7));
  put('uid', octal(0, 7));
  put('gid', octal(0, 7));
  put('size', octal(size, 11));
  put('mtime', octal(Math.max(0, mtimeSeconds), 11));
  put('type', '0');
  put('magic', 'ustar\u000000');
  // The sum counts its own field as blanks.
  put('checksum', ' '.repeat(8));
  put(
    'checksum',
    `${octal(
      block.reduce((sum, byte) => sum + byte, 0),
      6,
    )}\u0000 `,
  );
  return block;
}

const padding = ({ length }: Buffer): Buffer =>
  Buffer.alloc((blockBytes - (length % blockBytes)) % blockBytes);
