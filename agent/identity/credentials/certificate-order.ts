import type { KeyObject, X509Certificate } from 'node:crypto';

/**
 * The certificate of the key, then those that lead to its authority, whatever order they came in; undefined when none
 * belongs to the key. What has no place in that row stays behind.
 */
export function inOrder(
  certificates: readonly X509Certificate[],
  key: KeyObject,
): readonly X509Certificate[] | undefined {
  let last = certificates.find((certificate) => certificate.checkPrivateKey(key));
  if (last === undefined) return undefined;
  const row: X509Certificate[] = [];
  while (last !== undefined) {
    row.push(last);
    const child: X509Certificate = last;
    last = certificates.find((next) => !row.includes(next) && child.checkIssued(next));
  }
  return row;
}
