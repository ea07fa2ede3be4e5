import { X509Certificate, type KeyObject } from 'node:crypto';
import type { LocalSettings } from '../../../config/local-settings.js';
import { CredentialError } from './credential-error.js';
import type { CertificateProof } from './credentials.js';
import { foundInstead, isPrivateKey, pemBlocks, type PemBlock } from './pem.js';
import { isPkcs12, readPkcs12 } from './pkcs12.js';
import { privateKeyIn } from './private-key.js';
import { readSecretBytes, readSecretFile, textOf, type SecretAccess } from './secret-file.js';

type Named = Pick<
  LocalSettings['identity'],
  'certificateFile' | 'privateKeyFile' | 'privateKeyPasswordFile'
>;

const certificateKey = 'identity.certificateFile';
const privateKeyKey = 'identity.privateKeyFile';
const passwordKey = 'identity.privateKeyPasswordFile';

/**
 * Reads `identity.certificateFile` with its private key, which must belong together: PEM or PKCS#12, the key perhaps in a
 * file of its own and perhaps under a password. Whether the certificate is valid now is the affair of `refuseInvalid`.
 * @throws CredentialError
 */
export async function loadCertificate(
  {
    certificateFile: path,
    privateKeyFile,
    privateKeyPasswordFile,
  }: Named & { certificateFile: string },
  access: SecretAccess,
): Promise<CertificateProof> {
  const bytes = await readSecretBytes(path, certificateKey, access, holdsKey);
  const password =
    privateKeyPasswordFile === undefined
      ? undefined
      : lineOf(await readSecretFile(privateKeyPasswordFile, passwordKey, access));
  if (isPkcs12(bytes)) {
    if (privateKeyFile !== undefined) {
      throw malformed(
        privateKeyKey,
        privateKeyFile,
        `is not needed, because ${path} is PKCS#12, which holds the private key; remove identity.privateKeyFile`,
      );
    }
    const content = readPkcs12(bytes, password);
    if ('fault' in content) throw malformed(certificateKey, path, content.fault);
    const [leaf] = certificatesIn(pemBlocks(content.certificatePem), bytes, path);
    return { kind: 'certificate', ...content, validToMs: leaf.validToMs };
  }
  const blocks = pemBlocks(textOf(bytes, path, certificateKey));
  const certificates = certificatesIn(blocks, bytes, path);
  const [leaf] = certificates;
  const key =
    privateKeyFile === undefined
      ? keyBeside(blocks, bytes, path, password)
      : await keyIn(privateKeyFile, password, access);
  if (!leaf.certificate.checkPrivateKey(key)) {
    throw notTogether(certificates, key, path, privateKeyFile ?? path);
  }
  return {
    kind: 'certificate',
    certificatePem: certificates.map(({ text }) => text).join(''),
    privateKeyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    validToMs: leaf.validToMs,
  };
}

interface ReadCertificate {
  readonly certificate: X509Certificate;
  /** PEM. */
  readonly text: string;
  readonly validToMs: number;
}

/** At least one. */
function certificatesIn(
  blocks: readonly PemBlock[],
  bytes: Buffer,
  path: string,
): readonly [ReadCertificate, ...ReadCertificate[]] {
  const read = blocks
    .filter(({ label }) => label === 'CERTIFICATE')
    .map(({ text }, index) => {
      try {
        const certificate = new X509Certificate(text);
        return { certificate, text, validToMs: Date.parse(certificate.validTo) };
      } catch {
        const which = index === 0 ? 'its first certificate' : `certificate ${index + 1} in it`;
        throw malformed(
          certificateKey,
          path,
          `cannot be used: ${which} cannot be read; copy the file again`,
        );
      }
    });
  const [first, ...others] = read;
  if (first !== undefined) return [first, ...others];
  throw malformed(certificateKey, path, noCertificate(foundInstead(blocks, bytes)));
}

function noCertificate(found: string): string {
  const remedies: Readonly<Record<string, string>> = {
    DER: 'convert it to PEM with: openssl x509 -inform der -in FILE -out FILE.pem',
    'a private key': 'name it in identity.privateKeyFile, and the certificate here',
    'a request for a certificate (CSR)':
      'have an authority sign it, and name the certificate that comes back',
  };
  const remedy =
    remedies[found] ?? 'expected is text with -----BEGIN CERTIFICATE----- in it, or PKCS#12';
  return `holds ${found}, not a certificate; ${remedy}`;
}

function keyBeside(
  blocks: readonly PemBlock[],
  bytes: Buffer,
  path: string,
  password: string | undefined,
): KeyObject {
  if (!blocks.some(isPrivateKey)) {
    const fault = 'holds no private key; name the file that does in identity.privateKeyFile';
    throw malformed(certificateKey, path, fault);
  }
  const key = privateKeyIn(blocks, bytes, password);
  if ('fault' in key) throw malformed(certificateKey, path, key.fault);
  return key;
}

async function keyIn(
  path: string,
  password: string | undefined,
  access: SecretAccess,
): Promise<KeyObject> {
  const bytes = await readSecretBytes(path, privateKeyKey, access);
  const key = privateKeyIn(pemBlocks(textOf(bytes, path, privateKeyKey)), bytes, password);
  if ('fault' in key) throw malformed(privateKeyKey, path, key.fault);
  return key;
}

function notTogether(
  certificates: readonly ReadCertificate[],
  key: KeyObject,
  path: string,
  keyPath: string,
): CredentialError {
  const place = certificates.findIndex(({ certificate }) => certificate.checkPrivateKey(key));
  return malformed(
    certificateKey,
    path,
    place < 0
      ? `and the private key in ${keyPath} do not belong together; name the key that the certificate was made for`
      : `holds the certificate of the private key in place ${place + 1}; put it first, and after it those that lead to its authority`,
  );
}

/** Which bytes of a certificate file others must not see. */
export function holdsKey(bytes: Buffer): boolean {
  return isPkcs12(bytes) || bytes.includes('PRIVATE KEY-----');
}

/** A password may begin and end with blanks. */
function lineOf(text: string): string {
  return text.replace(/^\uFEFF/, '').split(/\r?\n/, 1)[0] ?? '';
}

function malformed(key: string, path: string, fault: string): CredentialError {
  return new CredentialError('malformed', `${key}: ${path} ${fault}`);
}
