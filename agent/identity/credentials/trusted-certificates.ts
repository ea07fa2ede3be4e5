import { X509Certificate } from 'node:crypto';
import { CredentialError } from './credential-error.js';
import { readTrustedFile } from './secret-file.js';

/**
 * Reads the certificates of `trustedCaFile`, as PEM.
 * @throws CredentialError
 */
export async function loadTrustedCertificates(path: string): Promise<string> {
  const pem = await readTrustedFile(path, 'trustedCaFile');
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) {
    throw new CredentialError('malformed', `trustedCaFile: ${path} ${certificateFault(pem)}`);
  }
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch {
      throw new CredentialError(
        'malformed',
        `trustedCaFile: certificate ${index + 1} in ${path} cannot be read; copy the file again`,
      );
    }
  }
  return `${blocks.join('\n')}\n`;
}

/** Says what is there instead of PEM certificates. */
function certificateFault(text: string): string {
  // The beginning of a DER sequence of more than 127 bytes; the second byte is not UTF-8.
  if (/^0\ufffd/.test(text)) {
    return 'is a certificate in DER; convert it to PEM with: openssl x509 -inform der -in FILE -out FILE.pem';
  }
  const [, label] = /-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(text) ?? [];
  const found = label === undefined ? 'no PEM certificate' : `PEM of another kind (${label})`;
  return `holds ${found}; expected is text with -----BEGIN CERTIFICATE----- in it`;
}
