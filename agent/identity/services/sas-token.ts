import { createHmac } from 'node:crypto';

/** Signs with HMAC-SHA256; base64. */
export type Sign = (text: string) => string | Promise<string>;

/** @param key base64 */
export function signWithKey(key: string): (text: string) => string {
  return (text) => createHmac('sha256', Buffer.from(key, 'base64')).update(text).digest('base64');
}

/**
 * The key of a device that enrols with the key of a group. The key of a group is for whoever enrols devices: it never
 * belongs on one.
 * @param groupKey base64
 * @param registrationId in the case in which it is enrolled
 * @returns base64
 */
export function deriveDeviceKey(groupKey: string, registrationId: string): string {
  return signWithKey(groupKey)(registrationId);
}

interface TokenContent {
  /** What it gives access to, not encoded: `<hub>/devices/<device>`. */
  readonly resource: string;
  /** Seconds since the epoch. */
  readonly expiry: number;
  /** Name of the policy, where the service wants one. */
  readonly policy?: string;
}

/** A shared access signature, as it stands in `Authorization` and as the password of MQTT. A secret. */
export async function sasToken(
  { resource, expiry, policy }: TokenContent,
  sign: Sign,
): Promise<string> {
  const encoded = encodeURIComponent(resource);
  return signedToken({ encoded, expiry, policy }, await sign(`${encoded}\n${expiry}`));
}

/** The same, of a resource that is encoded already and with a signature that is made already. */
export function signedToken(
  { encoded, expiry, policy }: { encoded: string; expiry: number; policy?: string | undefined },
  signature: string,
): string {
  const name = policy === undefined ? '' : `&skn=${encodeURIComponent(policy)}`;
  return `SharedAccessSignature sr=${encoded}&sig=${encodeURIComponent(signature)}&se=${expiry}${name}`;
}
