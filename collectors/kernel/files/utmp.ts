import { addressText, addressOf } from '../address.js';
import type { ByteOrder } from '../byte-order.js';

/**
 * Records of /var/log/wtmp and /var/log/btmp, `struct utmp` of utmp(5). They hold what whoever tried to log in typed,
 * so every text ends at the first NUL and loses its control characters.
 */
export interface UtmpRecord {
  /** USER_PROCESS and DEAD_PROCESS of utmp(5), or another number. */
  readonly type: number;
  readonly pid: number;
  /** Terminal without /dev/; `ssh:notty` where there is none. */
  readonly line: string;
  readonly user: string;
  readonly host: string;
  readonly sessionId: number;
  readonly timeMs: number;
  /** Undefined for a local login. */
  readonly remoteAddress: string | undefined;
}

/** utmp(5) */
export const userProcess = 7;
export const deadProcess = 8;

/** Where the fields stand behind `ut_exit`; before it all layouts are one. */
export interface UtmpLayout {
  readonly sizeBytes: number;
  readonly seconds: number;
  readonly microseconds: number;
  readonly address: number;
  /** Seconds and microseconds have 64 bits. */
  readonly isWide: boolean;
}

/**
 * The layouts that programs write. They follow the C library and the word size of the program, not the machine: 32-bit
 * programs under a 64-bit kernel write the compact one.
 */
export const utmpLayouts = {
  /** Where glibc has 32-bit and 64-bit programs share the files (`__WORDSIZE_TIME64_COMPAT32`), and with 32-bit times. */
  compact: { sizeBytes: 384, seconds: 340, microseconds: 344, address: 348, isWide: false },
  /** glibc elsewhere (aarch64, s390x …), and musl. */
  wide: { sizeBytes: 400, seconds: 344, microseconds: 352, address: 360, isWide: true },
  /** musl on i386, where 64 bits are aligned to four bytes, so that nothing fills the end. */
  packed: { sizeBytes: 396, seconds: 344, microseconds: 352, address: 360, isWide: true },
} as const satisfies Record<string, UtmpLayout>;

/** Up to here each layout has all of its fields. */
export const utmpFieldBytes = 376;

/**
 * The record, or undefined when its time is none. `bytes` holds at least `layout.sizeBytes`, or `utmpFieldBytes` if they
 * are fewer.
 */
export function parseUtmp(
  bytes: Buffer,
  layout: UtmpLayout,
  byteOrder: ByteOrder,
): UtmpRecord | undefined {
  const seconds = timePart(bytes, layout.seconds, layout, byteOrder);
  const microseconds = timePart(bytes, layout.microseconds, layout, byteOrder);
  if (seconds === undefined || microseconds === undefined) return undefined;
  if (seconds === 0 || microseconds >= 1_000_000) return undefined;
  const int = (at: number): number => readInt(bytes, at, byteOrder);
  return {
    type: byteOrder === 'LE' ? bytes.readInt16LE(0) : bytes.readInt16BE(0),
    pid: Math.max(0, int(4)),
    line: text(bytes, 8, 32),
    user: text(bytes, 44, 32),
    host: text(bytes, 76, 256),
    sessionId: Math.max(0, int(336)),
    timeMs: seconds * 1000 + Math.floor(microseconds / 1000),
    remoteAddress: address(bytes.subarray(layout.address, layout.address + 16)),
  };
}

/** Unsigned; undefined where the upper half of 64 bits is in use, which no time needs before the year 2106. */
function timePart(
  bytes: Buffer,
  at: number,
  { isWide }: UtmpLayout,
  byteOrder: ByteOrder,
): number | undefined {
  const lowAt = isWide && byteOrder === 'BE' ? at + 4 : at;
  const highAt = byteOrder === 'BE' ? at : at + 4;
  if (isWide && readInt(bytes, highAt, byteOrder) !== 0) return undefined;
  return readInt(bytes, lowAt, byteOrder) >>> 0;
}

/**
 * Whether the bytes look like a record, by what every writer keeps to: a type and a process id that there are, a time, a
 * terminal of printable characters. `strictly` also wants everything that writers leave unused to be zero; only that is
 * enough to find a record in bytes that nothing is known of.
 */
export function looksLikeUtmp(
  bytes: Buffer,
  layout: UtmpLayout,
  byteOrder: ByteOrder,
  strictly: boolean,
): boolean {
  const type = byteOrder === 'LE' ? bytes.readInt16LE(0) : bytes.readInt16BE(0);
  if (type < 0 || type > largestType) return false;
  const pid = readInt(bytes, 4, byteOrder);
  if (pid < 0 || pid > largestPid) return false;
  const seconds = timePart(bytes, layout.seconds, layout, byteOrder);
  const microseconds = timePart(bytes, layout.microseconds, layout, byteOrder);
  if (seconds === undefined || seconds === 0) return false;
  if (microseconds === undefined || microseconds >= 1_000_000) return false;
  if (!/^[ -~]*$/u.test(writtenText(bytes, 8, 32))) return false;
  if (!strictly) return true;
  // EMPTY is what damage often looks like, and so is a record of no terminal; also a boot has the terminal `~`.
  if (type === 0 || bytes[8] === 0) return false;
  if (bytes.readUInt16LE(2) !== 0) return false;
  return textFields.every(([at, sizeBytes]) => isPaddedText(bytes, at, sizeBytes));
}

/** ACCOUNTING of utmp(5) */
const largestType = 9;
/** PID_MAX_LIMIT of the kernel */
const largestPid = 4_194_304;
/** `ut_line`, `ut_user`, `ut_host` */
const textFields = [
  [8, 32],
  [44, 32],
  [76, 256],
] as const;

function isPaddedText(bytes: Buffer, at: number, sizeBytes: number): boolean {
  const end = bytes.indexOf(0, at);
  if (end === -1 || end >= at + sizeBytes) return true;
  for (let index = end; index < at + sizeBytes; index++) {
    if (bytes[index] !== 0) return false;
  }
  return true;
}

function readInt(bytes: Buffer, at: number, byteOrder: ByteOrder): number {
  return byteOrder === 'LE' ? bytes.readInt32LE(at) : bytes.readInt32BE(at);
}

/** Latin 1, up to the first NUL. */
function writtenText(bytes: Buffer, at: number, sizeBytes: number): string {
  const field = bytes.subarray(at, at + sizeBytes);
  const end = field.indexOf(0);
  return field.toString('latin1', 0, end === -1 ? field.length : end);
}

function text(bytes: Buffer, at: number, sizeBytes: number): string {
  const field = bytes.subarray(at, at + sizeBytes);
  const end = field.indexOf(0);
  const written = field.toString('utf8', 0, end === -1 ? field.length : end);
  // eslint-disable-next-line no-control-regex -- control characters are what must go
  return written.replace(/[\u0000-\u001f\u007f]/gu, '');
}

/** Network order; IPv4 fills the first four of the sixteen bytes. */
function address(bytes: Buffer): string | undefined {
  if (bytes.every((byte) => byte === 0)) return undefined;
  const isIpv4 = bytes.subarray(4).every((byte) => byte === 0);
  return addressOf(addressText(bytes.toString('hex', 0, isIpv4 ? 4 : 16)));
}
