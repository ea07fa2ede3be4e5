import { createHmac } from 'node:crypto';

/**
 * The key of one device of an enrolment group of the provisioning service: an HMAC-SHA256 of its registration id. The key
 * of the group proves every device of it, and is not kept.
 * @param groupKey base64
 * @returns base64
 */
export function derivedKey(groupKey: string, registrationId: string): string {
  return createHmac('sha256', Buffer.from(groupKey, 'base64'))
    .update(registrationId, 'utf8')
    .digest('base64');
}
