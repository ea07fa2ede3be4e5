import { isIPv4, isIPv6 } from 'node:net';
import { RuleError } from './rule-error.js';
import type { Network } from './expression.js';
import { word } from './yaml-node.js';

/** An address range as `10.0.0.0/8` or `fe80::/10`; an address alone is itself. @throws RuleError */
export function networkOf(written: string, line: number): Network {
  const [, address = '', width] = /^([^/]{1,64})(?:\/(\d{1,3}))?$/.exec(written) ?? [];
  const bytes = bytesOfAddress(address);
  const widest = (bytes?.length ?? 0) * 8;
  const bits = width === undefined ? widest : Number(width);
  if (bytes === undefined || bits > widest)
    throw new RuleError(`Write ${word(written)} as an address range, such as 10.0.0.0/8.`, line);
  return { bytes, bits };
}

/** Whether a text is an address of the range. An IPv4 address in IPv6 (::ffff:…) counts as IPv4. */
export function isInNetwork(text: string, { bytes, bits }: Network): boolean {
  const address = bytesOfAddress(text);
  if (address?.length !== bytes.length) return false;
  const whole = bits >> 3;
  for (let at = 0; at < whole; at++) if (address[at] !== bytes[at]) return false;
  const rest = bits & 7;
  if (rest === 0) return true;
  const mask = 0xff & (0xff << (8 - rest));
  return ((address[whole] ?? 0) & mask) === ((bytes[whole] ?? 0) & mask);
}

/** The 4 or 16 bytes of an address; undefined of any other text. */
function bytesOfAddress(text: string): Uint8Array | undefined {
  if (text.length > 64) return undefined;
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  const bare = text.replace(/%.*$/, '');
  if (!isIPv6(bare)) return undefined;
  const bytes = new Uint8Array(16);
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(bare);
  let groups = bare;
  if (dotted !== null) {
    const [a = 0, b = 0, c = 0, d = 0] = (dotted[2] ?? '').split('.').map(Number);
    groups = `${dotted[1] ?? ''}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [head = '', tail] = groups.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const all =
    tail === undefined
      ? before
      : [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  all.forEach((group, index) => {
    const value = Number.parseInt(group, 16);
    bytes[2 * index] = value >> 8;
    bytes[2 * index + 1] = value & 0xff;
  });
  const isMapped =
    bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return isMapped ? bytes.slice(12) : bytes;
}
