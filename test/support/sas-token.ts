import { createHmac } from 'node:crypto';

/** Signs as a device does: `rawResource` goes into the token and under the signature exactly as given. */
export function sasToken(rawResource: string, key: string, expirySeconds: number): string {
  const signature = createHmac('sha256', Buffer.from(key, 'base64'))
    .update(`${rawResource}\n${expirySeconds}`)
    .digest('base64');
  return `SharedAccessSignature sr=${rawResource}&sig=${encodeURIComponent(signature)}&se=${expirySeconds}`;
}
