import { addressText } from '../address.js';

/** One end of a connection. */
export interface Endpoint {
  /** IPv4, or IPv6 as RFC 5952 writes it; an IPv4-mapped address is given as the IPv4 address it stands for. */
  readonly address: string;
  /** 0 where it is not bound yet. */
  readonly port: number;
  readonly family: 4 | 6;
}

const mappedPrefix = '00000000000000000000ffff';

/** @param addressHex 8 or 32 lower-case hexadecimal digits in network order */
export function endpointOf(addressHex: string, port: number): Endpoint {
  const hex = addressHex.startsWith(mappedPrefix) ? addressHex.slice(24) : addressHex;
  return { address: addressText(hex), port, family: hex.length === 8 ? 4 : 6 };
}

/** 127.0.0.0/8 or ::1 (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
export function isLoopback({ address }: Endpoint): boolean {
  return address.startsWith('127.') || address === '::1';
}

export function isAnyAddress({ address }: Endpoint): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** The same for equal endpoints. */
export function endpointKey({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}

/** The same for connections with equal ends. */
export function connectionKey(connection: {
  readonly local: Endpoint;
  readonly remote: Endpoint;
}): string {
  return `${endpointKey(connection.local)} ${endpointKey(connection.remote)}`;
}
