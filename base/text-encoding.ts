/** Byte order marks, the longer ones first: that of UTF-16 is the beginning of that of UTF-32. */
const marks: readonly (readonly [string, readonly number[]])[] = [
  ['UTF-32 (little-endian)', [0xff, 0xfe, 0, 0]],
  ['UTF-32 (big-endian)', [0, 0, 0xfe, 0xff]],
  ['UTF-16 (little-endian)', [0xff, 0xfe]],
  ['UTF-16 (big-endian)', [0xfe, 0xff]],
];

/**
 * The name of the encoding of a text whose first two characters are ASCII, or that has a byte order mark, where it is
 * none in which ASCII stands for itself; undefined for UTF-8 and whatever else.
 */
export function otherEncoding(bytes: Uint8Array): string | undefined {
  const marked = marks.find(([, mark]) => mark.every((byte, index) => bytes[index] === byte));
  if (marked !== undefined) return marked[0];
  const zeros = [...bytes.subarray(0, 4)].map((byte) => (byte === 0 ? '0' : 'x')).join('');
  const unmarked: Readonly<Record<string, string>> = {
    x0x0: 'UTF-16 (little-endian)',
    '0x0x': 'UTF-16 (big-endian)',
    x000: 'UTF-32 (little-endian)',
    '000x': 'UTF-32 (big-endian)',
  };
  return unmarked[zeros];
}

/** Completes "FILE ..." for a text in another encoding. */
export function encodingFault(encoding: string): string {
  return `is encoded in ${encoding}, as some editors and shells of Windows do; save it as UTF-8`;
}
