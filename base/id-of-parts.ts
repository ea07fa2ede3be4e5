import { createHash } from 'node:crypto';

/**
 * The id of something that may be made again, after a crash for example: the same parts give the same id, so that it is
 * recognised as a duplicate, and one with other parts is not taken for it.
 */
export function idOfParts(parts: readonly string[]): string {
  const digest = createHash('sha256').update(parts.join('\n')).digest('hex');
  // The form of a version 8 UUID, RFC 9562 §5.8.
  return [
    digest.slice(0, 8),
    digest.slice(8, 12),
    `8${digest.slice(13, 16)}`,
    `8${digest.slice(17, 20)}`,
    digest.slice(20, 32),
  ].join('-');
}
