/** One block of PEM (RFC 7468). */
export interface PemBlock {
  /** What stands behind BEGIN. */
  readonly label: string;
  /** With its first and last line. */
  readonly text: string;
}

const block = /-----BEGIN ([A-Z0-9 ]{1,40})-----(?:(?!-----)[^])*-----END \1-----/g;

/** The blocks in a text, in their order; what stands around them is left out. */
export function pemBlocks(text: string): readonly PemBlock[] {
  return Array.from(text.matchAll(block), ([whole, label = '']) => ({ label, text: `${whole}\n` }));
}

export const isPrivateKey = ({ label }: PemBlock): boolean => label.endsWith('PRIVATE KEY');

/** By PKCS#8, or as older programs write it. */
export const isEncrypted = ({ label, text }: PemBlock): boolean =>
  label === 'ENCRYPTED PRIVATE KEY' || /^Proc-Type: *4,ENCRYPTED/m.test(text);

/** What a file holds that is not what was expected: completes "FILE holds …". */
export function foundInstead(blocks: readonly PemBlock[], bytes: Buffer): string {
  const [first] = blocks;
  if (first !== undefined) return kinds[first.label] ?? `PEM of another kind (${first.label})`;
  // The first byte of a sequence in DER, which no text begins with unless it begins with a zero.
  const isDer = bytes[0] === 0x30 && (bytes[1] ?? 0) >= 0x80;
  if (isDer) return 'DER';
  return bytes.length === 0 ? 'nothing' : 'no PEM';
}

const kinds: Readonly<Record<string, string>> = {
  CERTIFICATE: 'a certificate',
  'TRUSTED CERTIFICATE': 'a certificate in the form of OpenSSL (TRUSTED CERTIFICATE)',
  'CERTIFICATE REQUEST': 'a request for a certificate (CSR)',
  'NEW CERTIFICATE REQUEST': 'a request for a certificate (CSR)',
  'PUBLIC KEY': 'a public key',
  'RSA PUBLIC KEY': 'a public key',
  'PRIVATE KEY': 'a private key',
  'ENCRYPTED PRIVATE KEY': 'a private key',
  'RSA PRIVATE KEY': 'a private key',
  'EC PRIVATE KEY': 'a private key',
};
