import type { LocalSettings } from '../../../config/local-settings.js';
import { loadCertificate } from './certificate.js';
import type { Proof } from './credentials.js';
import { contradiction, CredentialError, missingSetting } from './credential-error.js';
import type { SecretAccess } from './secret-file.js';
import { refuseInvalid } from './validity.js';
import { readKeyFile } from './symmetric-key.js';

/** What a file on the device can hold. A secret. */
export type ProofOfFile = Exclude<Proof, { kind: 'signer' }>;

/**
 * Reads the key or the certificate that the settings name; anew on each call, because keys are rolled and certificates
 * replaced. Whether a certificate is valid now is the affair of `refuseInvalid`.
 * @param whose completes "the symmetric key of …"
 * @throws CredentialError
 */
export async function readProof(
  identity: LocalSettings['identity'],
  whose: string,
  access: SecretAccess,
): Promise<ProofOfFile> {
  const { certificateFile, keyFile } = identity;
  if (certificateFile !== undefined) {
    return loadCertificate({ ...identity, certificateFile }, access);
  }
  if (keyFile !== undefined) {
    return { kind: 'key', sharedAccessKey: await readKeyFile(keyFile, whose, access) };
  }
  throw new CredentialError(
    'missing',
    'identity needs keyFile or certificateFile; add what is missing',
    missingSetting,
  );
}

/**
 * The proof beside a connection string: the key in it, or the certificate where it says `x509=true`.
 * @param sharedAccessKey what it holds; undefined where it says `x509=true`
 * @throws CredentialError
 */
export async function readProofBeside(
  sharedAccessKey: string | undefined,
  path: string,
  identity: LocalSettings['identity'],
  access: SecretAccess,
): Promise<ProofOfFile> {
  const { certificateFile } = identity;
  if (sharedAccessKey === undefined) {
    if (certificateFile !== undefined) {
      return loadCertificate({ ...identity, certificateFile }, access);
    }
    throw new CredentialError(
      'missing',
      `identity.connectionStringFile: ${path} asks for a certificate (x509=true); name its file in identity.certificateFile`,
      missingSetting,
    );
  }
  if (certificateFile === undefined) return { kind: 'key', sharedAccessKey };
  throw new CredentialError(
    'malformed',
    `identity.certificateFile is named, but the connection string in ${path} holds a key; remove one of them, or copy the connection string with x509=true`,
    contradiction,
  );
}

/**
 * Reads the certificate, where the settings name one, and refuses one that is not valid now.
 * @throws CredentialError
 */
export async function checkCertificate(
  identity: LocalSettings['identity'],
  access: SecretAccess,
  nowMs: number,
): Promise<void> {
  const { certificateFile } = identity;
  if (certificateFile === undefined) return;
  const proof = await loadCertificate({ ...identity, certificateFile }, access);
  refuseInvalid(proof, identity, nowMs);
}
