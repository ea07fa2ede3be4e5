import { certificateFault, type ClientCertificate } from './client-certificate.js';
import type { Address, Identity } from './identities.js';
import { checkToken } from './sas.js';

/** Whom a proof is about. */
interface ProofExpectation {
  readonly identity: Identity;
  /** What it asks for; a token has to cover it. */
  readonly resource: string;
  /** Modules of this hub have to show a certificate. */
  readonly moduleSasDisabled: boolean;
  readonly nowMs: number;
}

/** What a token of this device or module is for: `host/devices/<device>[/modules/<module>]`. */
export function resourceOf(hubName: string, { deviceId, moduleId }: Address): string {
  const module = moduleId === undefined ? '' : `/modules/${moduleId}`;
  return `${hubName}/devices/${deviceId}${module}`;
}

/**
 * Decides whether a token, or without one the certificate of the handshake, proves that the client is `identity`. A token
 * counts more than a certificate, and an identity takes only the kind that it is registered with.
 */
export function checkProof(
  token: string,
  certificate: ClientCertificate | undefined,
  { identity, resource, moduleSasDisabled, nowMs }: ProofExpectation,
): { readonly expiresAtMs: number } | { readonly refused: string } {
  if (token === '' && certificate !== undefined) {
    const fault = certificateFault(certificate, identity, nowMs);
    return fault === undefined ? { expiresAtMs: Infinity } : { refused: fault };
  }
  if (identity.authentication.type !== 'sas') {
    const shown = token === '' ? 'showed neither' : 'gave a token';
    return { refused: `it is registered with a certificate, not with keys, and ${shown}` };
  }
  if (moduleSasDisabled && identity.moduleId !== undefined) {
    return { refused: 'this hub takes no tokens of modules' };
  }
  const keys = [identity.primaryKey, identity.secondaryKey];
  return checkToken(token, { resource, keys, nowMs });
}
