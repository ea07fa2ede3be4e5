import { addressOf } from './audit/login-records.js';
import { addressText, type ByteOrder } from './proc-net.js';

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

interface Layout {
  readonly sizeBytes: number;
  readonly seconds: number;
  readonly microseconds: number;
  readonly address: number;
}

/** Where glibc has 32-bit and 64-bit programs share the files (`__WORDSIZE_TIME64_COMPAT32`), and on 32-bit systems. */
const compact: Layout = { sizeBytes: 384, seconds: 340, microseconds: 344, address: 348 };
/** Elsewhere `ut_session` and `ut_tv` are as wide as a long. */
const wide: Layout = { sizeBytes: 400, seconds: 344, microseconds: 352, address: 360 };

/** @param machine `uname -m` */
export function utmpLayout(machine: string): Layout {
  return /^(?:aarch64|riscv64|loongarch64)/u.test(machine) ? wide : compact;
}

/** The record, or undefined when its time is none. `bytes` is at least `layout.sizeBytes` long. */
export function parseUtmp(
  bytes: Buffer,
  layout: Layout,
  byteOrder: ByteOrder,
): UtmpRecord | undefined {
  const int = (at: number): number =>
    byteOrder === 'LE' ? bytes.readInt32LE(at) : bytes.readInt32BE(at);
  // A long on a big-endian machine has its low half last; all that is wide is little-endian today.
  const seconds = int(layout.seconds) >>> 0;
  const microseconds = int(layout.microseconds);
  if (seconds === 0 || microseconds < 0 || microseconds >= 1_000_000) return undefined;
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
