import type { CertificateProof } from '../credentials/credentials.js';
import type { ProofOfFile } from '../credentials/proof.js';
import { sasToken, signWithKey } from './sas-token.js';

/** A token is for one request; the rest is for clocks that differ. */
const tokenLifeSeconds = 10 * 60;

interface TokenScope {
  /** Not encoded. */
  readonly resource: string;
  readonly policy?: string;
  /** By the clock of whoever checks it. */
  readonly nowMs: number;
}

/** The headers and the certificate with which a device makes a request. Secrets. */
export async function deviceAuthentication(
  proof: ProofOfFile,
  { nowMs, ...content }: TokenScope,
): Promise<{ headers: Record<string, string>; certificate: CertificateProof | undefined }> {
  if (proof.kind === 'certificate') return { headers: {}, certificate: proof };
  const expiry = Math.floor(nowMs / 1000) + tokenLifeSeconds;
  const authorization = await sasToken({ ...content, expiry }, signWithKey(proof.sharedAccessKey));
  return { headers: { authorization }, certificate: undefined };
}
