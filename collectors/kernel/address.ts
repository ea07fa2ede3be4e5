import { isIP } from 'node:net';

/** Text of an address given as 8 or 32 hex digits in network order; IPv6 as RFC 5952 writes it. */
export function addressText(addressHex: string): string {
  if (addressHex.length === 8) return dotted(addressHex);
  const mapped = addressHex.startsWith('00000000000000000000ffff');
  if (mapped) return `::ffff:${dotted(addressHex.slice(24))}`;
  const groups = (addressHex.match(/.{4}/gu) ?? []).map((group) => group.replace(/^0{1,3}/u, ''));
  const gap = longestZeroRun(groups);
  if (gap.length < 2) return groups.join(':');
  const head = groups.slice(0, gap.start).join(':');
  const tail = groups.slice(gap.start + gap.length).join(':');
  return `${head}::${tail}`;
}

function dotted(addressHex: string): string {
  return (addressHex.match(/../gu) ?? []).map((byte) => Number.parseInt(byte, 16)).join('.');
}

/** RFC 5952 §4.2: the longest run of zero groups is shortened, the first of equals. */
function longestZeroRun(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  groups.forEach((group, index) => {
    length = group === '0' ? length + 1 : 0;
    if (length > best.length) best = { start: index + 1 - length, length };
  });
  return best;
}

/** An address as payloads show it: IPv4-mapped IPv6 folded, no zone; undefined for what is none. */
export function addressOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const bare = text.replace(/%.*$/u, '');
  const folded = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/iu.exec(bare)?.[1] ?? bare;
  return isIP(folded) === 0 ? undefined : folded;
}
