import type { ByteOrder } from '../byte-order.js';
import { type Endpoint, endpointOf } from '../sockets/endpoint.js';

const internetFamilies = { 2: { hexDigits: 8, at: 8 }, 10: { hexDigits: 32, at: 16 } } as const;

/**
 * The address of a SOCKADDR record (`saddr=`, the bytes of `struct sockaddr` in hexadecimal): the family in the byte
 * order of the host, the port in network order. Undefined for other families, and for what is torn.
 */
export function parseSockaddr(
  saddr: string | undefined,
  byteOrder: ByteOrder,
): Endpoint | undefined {
  const hex = saddr?.toLowerCase() ?? '';
  const family = familyOf(hex, byteOrder);
  if (family !== 2 && family !== 10) return undefined;
  const { hexDigits, at } = internetFamilies[family];
  const addressHex = hex.slice(at, at + hexDigits);
  if (addressHex.length < hexDigits) return undefined;
  return endpointOf(addressHex, Number.parseInt(hex.slice(4, 8), 16));
}

/** Whether `saddr` tells neither an address of the internet nor that it is of another family. */
export function isTornSockaddr(saddr: string, byteOrder: ByteOrder): boolean {
  const family = familyOf(saddr.toLowerCase(), byteOrder);
  if (family === undefined) return saddr !== '' && saddr !== '(null)';
  return (family === 2 || family === 10) && parseSockaddr(saddr, byteOrder) === undefined;
}

function familyOf(hex: string, byteOrder: ByteOrder): number | undefined {
  if (!/^(?:[0-9a-f]{2}){2,256}$/u.test(hex)) return undefined;
  return Number.parseInt(
    byteOrder === 'LE' ? hex.slice(2, 4) + hex.slice(0, 2) : hex.slice(0, 4),
    16,
  );
}
