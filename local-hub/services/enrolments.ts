import { createHmac, X509Certificate } from 'node:crypto';
import type { ClientCertificate } from '../hub/client-certificate.js';
import { newKey, type Authentication } from '../hub/identities.js';
import type { LocalHub } from '../hub/local-hub.js';
import { checkToken } from '../hub/sas.js';

/** Where devices are sent. */
export type TargetHub = Pick<LocalHub, 'hubName' | 'registry'>;

/** Base64. */
export interface KeyPair {
  readonly primaryKey: string;
  readonly secondaryKey: string;
}

/** By what a device proves that it is the one that was enrolled. */
export type Attestation =
  | ({ readonly type: 'symmetricKey' } & KeyPair)
  /** Of a single device; SHA-1 or SHA-256, hexadecimal. */
  | { readonly type: 'thumbprints'; readonly thumbprints: readonly string[] }
  /** Of a group: whose certificate this authority vouches for, PEM. */
  | { readonly type: 'authority'; readonly certificatePem: string };

/** One device, or a group of them, that may be provisioned. */
export interface Enrolment {
  /** Of a single device, lower case. */
  readonly registrationId?: string;
  readonly attestation: Attestation;
  readonly hub: TargetHub;
  /** What the hub calls the device; its registration id when absent. */
  readonly deviceId?: string;
}

export const newKeyPair = (): KeyPair => ({ primaryKey: newKey(), secondaryKey: newKey() });

/** The key of a device of a group, base64: of the group's key and the registration id, as it was enrolled. */
export function deriveKey(groupKey: string, registrationId: string): string {
  return createHmac('sha256', Buffer.from(groupKey, 'base64'))
    .update(registrationId)
    .digest('base64');
}

/** What a device said of itself. */
export interface Claim {
  readonly idScope: string;
  readonly registrationId: string;
  readonly token: string;
  readonly certificate: ClientCertificate | undefined;
}

/** How the device proves itself to its hub from then on. */
export type HubProof =
  | ({ readonly type: 'keys' } & KeyPair)
  | { readonly type: 'certificate'; readonly authentication: Authentication };

/** Whether the claim holds for the enrolment, and how the device then proves itself to its hub. */
export function verify(
  claim: Claim,
  enrolment: Enrolment,
  nowMs: number,
): HubProof | { readonly refused: string } {
  const { attestation } = enrolment;
  if (attestation.type === 'symmetricKey') return verifyToken(claim, enrolment, attestation, nowMs);
  if (claim.token !== '') return { refused: 'it is enrolled with a certificate, not with a key' };
  const { certificate, registrationId } = claim;
  if (certificate === undefined) return { refused: 'it showed no certificate' };
  if (nowMs < certificate.notBeforeMs || nowMs > certificate.notAfterMs) {
    return { refused: 'its certificate is not valid now' };
  }
  const fault =
    attestation.type === 'thumbprints'
      ? thumbprintFault(certificate, attestation.thumbprints)
      : authorityFault(certificate, registrationId, attestation.certificatePem);
  if (fault !== undefined) return { refused: fault };
  // A hub is told the thumbprint of the certificate, also when an authority vouched for it here.
  const [, primaryThumbprint = ''] = certificate.thumbprints;
  const authentication = {
    type: 'selfSigned',
    primaryThumbprint,
    secondaryThumbprint: '',
  } as const;
  return { type: 'certificate', authentication };
}

/** The keys of the device itself: a group has others. */
export function keysOf(
  enrolment: Enrolment,
  { primaryKey, secondaryKey }: KeyPair,
  registrationId: string,
): KeyPair {
  if (enrolment.registrationId !== undefined) return { primaryKey, secondaryKey };
  return {
    primaryKey: deriveKey(primaryKey, registrationId),
    secondaryKey: deriveKey(secondaryKey, registrationId),
  };
}

function verifyToken(
  { idScope, registrationId, token }: Claim,
  enrolment: Enrolment,
  keys: KeyPair,
  nowMs: number,
): HubProof | { readonly refused: string } {
  let refused = '';
  // The id has no case, what is derived from it does.
  for (const id of [registrationId, registrationId.toLowerCase()]) {
    const pair = keysOf(enrolment, keys, id);
    const verdict = checkToken(token, {
      resource: `${idScope}/registrations/${registrationId}`,
      keys: [pair.primaryKey, pair.secondaryKey],
      policy: 'registration',
      nowMs,
    });
    if (!('refused' in verdict)) return { type: 'keys', ...pair };
    ({ refused } = verdict);
  }
  return { refused };
}

function thumbprintFault(
  { thumbprints }: ClientCertificate,
  enrolled: readonly string[],
): string | undefined {
  const known = enrolled.map((thumbprint) => thumbprint.toUpperCase());
  if (thumbprints.some((thumbprint) => known.includes(thumbprint))) return undefined;
  return 'its certificate is not the enrolled one';
}

function authorityFault(
  { chainFault, commonName, issuers }: ClientCertificate,
  registrationId: string,
  certificatePem: string,
): string | undefined {
  const authority = new X509Certificate(certificatePem).fingerprint256.replaceAll(':', '');
  if (chainFault !== undefined || !issuers.includes(authority)) {
    return 'the authority of the group does not vouch for its certificate';
  }
  if (commonName.toLowerCase() === registrationId.toLowerCase()) return undefined;
  return `its certificate is made out to '${commonName}', not to '${registrationId}'`;
}
