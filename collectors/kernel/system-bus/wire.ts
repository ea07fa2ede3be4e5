/**
 * The messages of D-Bus (D-Bus Specification 0.43, "Message Protocol"), as much of them as it takes to call a method and
 * to read its answer: little-endian, no descriptors.
 */

/** A value of a message: a struct and an array are lists, a dictionary entry is a list of two. */
export type BusValue = string | number | bigint | boolean | readonly BusValue[];

export interface MethodCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  /** Texts, which is all that is asked with here. */
  readonly parameters?: readonly string[];
}

interface Header {
  readonly type: number;
  readonly bodyBytes: number;
  /** Of the header with its padding. */
  readonly headerBytes: number;
}

export interface BusMessage {
  readonly type: number;
  readonly replySerial: number | undefined;
  readonly errorName: string | undefined;
  readonly body: readonly BusValue[];
}

export const messageTypes = { call: 1, answer: 2, error: 3 } as const;
const fieldCodes = {
  path: 1,
  interface: 2,
  member: 3,
  errorName: 4,
  replySerial: 5,
  destination: 6,
  signature: 8,
} as const;

/** Before the array of header fields there are twelve bytes, and four that say how long it is. */
const fixedBytes = 16;
const longestMessageBytes = 8 * 1024 * 1024;
const deepestNesting = 16;
const mostValues = 200_000;

const aligned = (offset: number, to: number): number => Math.ceil(offset / to) * to;

export class BusFormatError extends Error {
  override readonly name = 'BusFormatError';
}

class Writer {
  private readonly parts: Buffer[] = [];
  private length = 0;

  align(to: number): void {
    this.add(Buffer.alloc(aligned(this.length, to) - this.length));
  }

  uint32(value: number): void {
    this.align(4);
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    this.add(bytes);
  }

  text(value: string): void {
    const bytes = Buffer.from(value, 'utf8');
    this.uint32(bytes.length);
    this.add(bytes, Buffer.of(0));
  }

  signature(value: string): void {
    this.add(Buffer.of(value.length), Buffer.from(value, 'latin1'), Buffer.of(0));
  }

  /** One header field: its code and a variant. */
  field(code: number, type: 's' | 'o' | 'g', value: string): void {
    this.align(8);
    this.add(Buffer.of(code));
    this.signature(type);
    if (type === 'g') this.signature(value);
    else this.text(value);
  }

  add(...parts: readonly Buffer[]): void {
    for (const part of parts) {
      this.parts.push(part);
      this.length += part.length;
    }
  }

  bytes(): Buffer {
    return Buffer.concat(this.parts);
  }
}

/** @param serial greater than zero; the answer names it */
export function encodeCall(call: MethodCall, serial: number): Buffer {
  const { parameters = [] } = call;
  const body = new Writer();
  for (const parameter of parameters) body.text(parameter);
  const bodyBytes = body.bytes();
  const fields = new Writer();
  fields.field(fieldCodes.path, 'o', call.path);
  fields.field(fieldCodes.destination, 's', call.destination);
  fields.field(fieldCodes.interface, 's', call.interface);
  fields.field(fieldCodes.member, 's', call.member);
  if (parameters.length > 0) fields.field(fieldCodes.signature, 'g', 's'.repeat(parameters.length));
  const fieldBytes = fields.bytes();
  const message = new Writer();
  // 'l': little-endian; no flags; version 1 of the protocol.
  message.add(Buffer.of(0x6c, messageTypes.call, 0, 1));
  message.uint32(bodyBytes.length);
  message.uint32(serial);
  message.uint32(fieldBytes.length);
  message.add(fieldBytes);
  message.align(8);
  message.add(bodyBytes);
  return message.bytes();
}

/** How long the message at the start of `bytes` is; undefined while too little of it is there. @throws BusFormatError */
export function parseHeader(bytes: Buffer): Header | undefined {
  if (bytes.length < fixedBytes) return undefined;
  if (bytes[0] !== 0x6c || bytes[3] !== 1)
    throw new BusFormatError('the bus answered in another byte order or version of D-Bus');
  const bodyBytes = bytes.readUInt32LE(4);
  const headerBytes = aligned(fixedBytes + bytes.readUInt32LE(12), 8);
  if (headerBytes + bodyBytes > longestMessageBytes)
    throw new BusFormatError(`a message of the bus has more than ${longestMessageBytes} bytes`);
  return { type: bytes[1] ?? 0, bodyBytes, headerBytes };
}

/** A whole message. @throws BusFormatError */
export function decodeMessage(bytes: Buffer): BusMessage {
  const header = parseHeader(bytes);
  if (header === undefined) throw new BusFormatError('a message of the bus is cut short');
  const fields = new Map<number, BusValue>();
  const inHeader = new Reader(bytes.subarray(0, header.headerBytes), 12);
  for (const field of listOf(inHeader.value('a(yv)', 0).value)) {
    const [code, value] = listOf(field);
    if (typeof code === 'number' && value !== undefined) fields.set(code, value);
  }
  const signature = fields.get(fieldCodes.signature);
  const replySerial = fields.get(fieldCodes.replySerial);
  const errorName = fields.get(fieldCodes.errorName);
  const body = bytes.subarray(header.headerBytes, header.headerBytes + header.bodyBytes);
  return {
    type: header.type,
    replySerial: typeof replySerial === 'number' ? replySerial : undefined,
    errorName: typeof errorName === 'string' ? errorName : undefined,
    body: typeof signature === 'string' ? new Reader(body, 0).all(signature) : [],
  };
}

/** The elements of an array or a struct; none of anything else. */
export function listOf(value: BusValue | undefined): readonly BusValue[] {
  return Array.isArray(value) ? (value as readonly BusValue[]) : [];
}

class Reader {
  private values = 0;

  constructor(
    private readonly bytes: Buffer,
    private offset: number,
  ) {}

  /** Every value of a signature. */
  all(signature: string): BusValue[] {
    const values: BusValue[] = [];
    for (let at = 0; at < signature.length;) {
      const { value, next } = this.value(signature, at);
      values.push(value);
      at = next;
    }
    return values;
  }

  /** The value whose type begins at `at`, and where the next type begins. */
  value(signature: string, at: number, depth = 0): { value: BusValue; next: number } {
    if (depth > deepestNesting || ++this.values > mostValues)
      throw new BusFormatError('a message of the bus nests too deep or holds too much');
    switch (signature[at]) {
      case 'y':
        return { value: this.take(1).readUInt8(), next: at + 1 };
      case 'b':
        return { value: this.number(4).readUInt32LE() !== 0, next: at + 1 };
      case 'n':
        return { value: this.number(2).readInt16LE(), next: at + 1 };
      case 'q':
        return { value: this.number(2).readUInt16LE(), next: at + 1 };
      case 'i':
        return { value: this.number(4).readInt32LE(), next: at + 1 };
      case 'u':
      case 'h':
        return { value: this.number(4).readUInt32LE(), next: at + 1 };
      case 'x':
        return { value: this.number(8).readBigInt64LE(), next: at + 1 };
      case 't':
        return { value: this.number(8).readBigUInt64LE(), next: at + 1 };
      case 'd':
        return { value: this.number(8).readDoubleLE(), next: at + 1 };
      case 's':
      case 'o':
        return { value: this.text(this.number(4).readUInt32LE()), next: at + 1 };
      case 'g':
        return { value: this.text(this.take(1).readUInt8()), next: at + 1 };
      case 'v':
        return {
          value: this.value(this.text(this.take(1).readUInt8()), 0, depth + 1).value,
          next: at + 1,
        };
      case 'a':
        return this.array(signature, at + 1, depth + 1);
      case '(':
      case '{':
        return this.struct(signature, at + 1, depth + 1);
      default:
        throw new BusFormatError('a message of the bus has a type that is none');
    }
  }

  private array(signature: string, at: number, depth: number): { value: BusValue; next: number } {
    const sizeBytes = this.number(4).readUInt32LE();
    if (/[xtd({]/.test(signature[at] ?? '')) this.align(8);
    const end = this.offset + sizeBytes;
    if (end > this.bytes.length) throw new BusFormatError('an array of the bus is cut short');
    const values: BusValue[] = [];
    while (this.offset < end) values.push(this.value(signature, at, depth).value);
    return { value: values, next: endOfType(signature, at) };
  }

  private struct(signature: string, at: number, depth: number): { value: BusValue; next: number } {
    this.align(8);
    const values: BusValue[] = [];
    let next = at;
    while (next < signature.length && !/[)}]/.test(signature[next] ?? '')) {
      const part = this.value(signature, next, depth);
      values.push(part.value);
      next = part.next;
    }
    return { value: values, next: next + 1 };
  }

  /** A number lies at a multiple of its size. */
  private number(sizeBytes: number): Buffer {
    this.align(sizeBytes);
    return this.take(sizeBytes);
  }

  private text(lengthBytes: number): string {
    const text = this.take(lengthBytes).toString('utf8');
    this.take(1);
    return text;
  }

  private align(to: number): void {
    this.offset = aligned(this.offset, to);
  }

  private take(sizeBytes: number): Buffer {
    const end = this.offset + sizeBytes;
    if (end > this.bytes.length) throw new BusFormatError('a message of the bus is cut short');
    const part = this.bytes.subarray(this.offset, end);
    this.offset = end;
    return part;
  }
}

/** Where the type that begins at `at` ends, also when there is no value of it. */
function endOfType(signature: string, at: number): number {
  const first = signature[at] ?? '';
  if (first === 'a') return endOfType(signature, at + 1);
  if (first !== '(' && first !== '{') return at + 1;
  let depth = 0;
  for (let next = at; next < signature.length; next++) {
    if (/[({]/.test(signature[next] ?? '')) depth++;
    if (/[)}]/.test(signature[next] ?? '')) depth--;
    if (depth === 0) return next + 1;
  }
  throw new BusFormatError('a type of the bus has no end');
}
