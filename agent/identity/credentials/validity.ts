import { X509Certificate } from 'node:crypto';
import type { LocalSettings } from '../../../config/local-settings.js';
import { CredentialError } from './credential-error.js';
import type { Proof } from './credentials.js';

/**
 * Refuses a certificate that nobody would take now; a key has no such time.
 * @param nowMs milliseconds since the epoch
 * @throws CredentialError
 */
export function refuseInvalid(
  proof: Proof,
  { certificateFile = 'the file' }: Pick<LocalSettings['identity'], 'certificateFile'>,
  nowMs: number,
): void {
  if (proof.kind !== 'certificate') return;
  const { validFrom, validTo } = new X509Certificate(proof.certificatePem);
  const subject = `identity.certificateFile: the certificate in ${certificateFile}`;
  const clock = `by the clock of the device, which says ${timeText(nowMs)}`;
  if (nowMs < Date.parse(validFrom)) {
    throw new CredentialError(
      'not-valid-now',
      `${subject} is valid from ${timeText(Date.parse(validFrom))} on, and so not yet ${clock}; set the clock if that is wrong`,
    );
  }
  if (nowMs > Date.parse(validTo)) {
    throw new CredentialError(
      'not-valid-now',
      `${subject} was valid until ${timeText(Date.parse(validTo))}, and has expired ${clock}; replace the file by a new certificate, or set the clock if that is wrong`,
    );
  }
}

function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
