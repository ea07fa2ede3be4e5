/** One value of DER (X.690): its tag, and the bytes in it. */
export interface DerValue {
  readonly tag: number;
  /** Without tag and length. */
  readonly content: Buffer;
  /** With tag and length. */
  readonly whole: Buffer;
}

export const derTags = {
  integer: 0x02,
  octetString: 0x04,
  objectIdentifier: 0x06,
  sequence: 0x30,
  set: 0x31,
  /** [0], constructed. */
  context0: 0xa0,
  /** [0], primitive. */
  implicit0: 0x80,
} as const;

/** The bytes are not DER, or not of the shape that was expected. */
export class DerError extends Error {
  override readonly name = 'DerError';
}

/** The values that follow each other in `bytes`. @throws DerError */
export function derValues(bytes: Buffer): readonly DerValue[] {
  const values: DerValue[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const value = derValue(rest);
    values.push(value);
    rest = rest.subarray(value.whole.length);
  }
  return values;
}

/** The first value in `bytes`. @throws DerError */
export function derValue(bytes: Buffer): DerValue {
  const [tag, first] = bytes;
  // Tags of more than one byte do not occur in what is read here.
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw new DerError('tag');
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  // 0x80 is a length that is not told, which is BER; 3 bytes hold any length that a file of credentials may have.
  if (first === 0x80 || lengthBytes > 3 || bytes.length < 2 + lengthBytes) {
    throw new DerError('length');
  }
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(2, lengthBytes);
  const start = 2 + lengthBytes;
  if (start + length > bytes.length) throw new DerError('end');
  return {
    tag,
    content: bytes.subarray(start, start + length),
    whole: bytes.subarray(0, start + length),
  };
}

/** The values in a value that must have this tag. @throws DerError */
export function derInside(value: DerValue | undefined, tag: number): readonly DerValue[] {
  return derValues(derContent(value, tag));
}

/** The bytes in a value that must have this tag. @throws DerError */
export function derContent(value: DerValue | undefined, tag: number): Buffer {
  if (value?.tag !== tag) throw new DerError('shape');
  return value.content;
}

/** A whole number that is not negative. @throws DerError */
export function derInteger(value: DerValue | undefined): number {
  const bytes = derContent(value, derTags.integer);
  if (bytes.length === 0 || bytes.length > 6 || (bytes[0] ?? 0) > 0x7f)
    throw new DerError('number');
  return bytes.readUIntBE(0, bytes.length);
}

/** An object identifier by its bytes, in hexadecimal. @throws DerError */
export function derObject(value: DerValue | undefined): string {
  return derContent(value, derTags.objectIdentifier).toString('hex');
}
