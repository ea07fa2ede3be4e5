import { X509Certificate } from 'node:crypto';
import type { Proof } from '../identity/credentials/credentials.js';

/** What a sentence may say of a proof: nothing secret. */
export type ProofDescription =
  | { readonly kind: 'key' | 'signer' }
  /** `says` is what a hub may be compared with, in words. */
  | { readonly kind: 'certificate'; readonly says: string };

export function describeProof(proof: Proof): ProofDescription {
  if (proof.kind !== 'certificate') return { kind: proof.kind };
  const certificate = new X509Certificate(proof.certificatePem);
  const [thumbprint, thumbprint256] = [certificate.fingerprint, certificate.fingerprint256].map(
    (text) => text.replaceAll(':', ''),
  );
  const [subject, issuer] = [certificate.subject, certificate.issuer].map(commonNameOf);
  const by = certificate.subject === certificate.issuer ? 'by itself' : `by ${issuer}`;
  return {
    kind: 'certificate',
    says: `common name ${subject}, signed ${by}, thumbprint ${thumbprint} by SHA-1 and ${thumbprint256} by SHA-256`,
  };
}

/** Of a name as Node writes it, a line for each part. */
function commonNameOf(name: string | undefined): string {
  return /^CN=(.*)$/m.exec(name ?? '')?.[1] ?? 'without a name';
}
