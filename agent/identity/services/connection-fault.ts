import { plainReason } from '../../../base/errors.js';
import type { ServiceErrorKind } from './service-error.js';

/** Why there was no answer. `reason` completes "Could not … at <place>: …", without a full stop. */
export interface ConnectionFault {
  readonly kind: ServiceErrorKind;
  readonly reason: string;
}

interface Place {
  readonly host: string;
  /** The settings that name the host, as they continue "check …". */
  readonly settings: string;
}

/** One kind of error, known by its code or text. */
export interface ConnectionRule {
  readonly pattern: RegExp;
  readonly kind: ServiceErrorKind;
  readonly reason: (place: Place) => string;
}

/** What the network says of any server; `name` is the one that was looked up, where the text holds it. */
export const networkRules: readonly ConnectionRule[] = [
  {
    pattern: /\b(?:ENOTFOUND|ENODATA)\b(?: (?<name>[^\s:]+))?/,
    kind: 'network',
    reason: ({ host, settings }) =>
      `the name ${host} does not resolve; check ${settings} and the name servers of the device`,
  },
  {
    pattern: /\bEAI_AGAIN\b(?: (?<name>[^\s:]+))?/,
    kind: 'network',
    reason: ({ host }) =>
      `no name server answered for ${host}; check the network and the name servers of the device`,
  },
  {
    pattern: /\b(?:EHOSTUNREACH|ENETUNREACH|ENETDOWN|EHOSTDOWN|EADDRNOTAVAIL)\b/,
    kind: 'network',
    reason: () => 'there is no route to it; check the network of the device',
  },
];

/** A server that ended the connection, for whatever reason: what says more comes before it. */
export const resetRule: ConnectionRule = {
  pattern:
    /\b(?:ECONNRESET|EPIPE|ECONNABORTED|socket hang up|socket disconnected|premature close)\b/i,
  kind: 'network',
  reason: () => 'the connection was reset; check the network, proxies and firewalls on the way',
};

const rules: readonly ConnectionRule[] = [
  ...networkRules,
  {
    pattern: /\bECONNREFUSED\b/,
    kind: 'network',
    reason: ({ settings }) => `nobody listens there (connection refused); check ${settings}`,
  },
  {
    pattern: /\bETIMEDOUT\b/,
    kind: 'network',
    reason: () => 'there was no answer; check the network, and the firewalls on the way',
  },
  {
    pattern:
      /alert (?:bad certificate|unsupported certificate|certificate (?:revoked|expired|unknown|required)|unknown ca|access denied)/i,
    kind: 'authorisation',
    reason: () =>
      'it did not take the certificate of the device; check identity.certificateFile, and which certificates are registered there [Authentication / Unauthorized]',
  },
  resetRule,
  {
    pattern: /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/,
    kind: 'tls',
    reason: () =>
      'its certificate is not valid by the clock of the device; set the clock if that is wrong, else renew the certificate of the server',
  },
  {
    pattern: /ERR_TLS_CERT_ALTNAME_INVALID/,
    kind: 'tls',
    reason: ({ settings }) => `its certificate is made out to another name; check ${settings}`,
  },
  {
    pattern: /SELF_SIGNED|UNABLE_TO_|CERT_SIGNATURE_FAILURE|CERT_UNTRUSTED|INVALID_CA/,
    kind: 'tls',
    reason: () =>
      'its certificate is signed by an authority that is not trusted here; name the file of that authority in trustedCaFile, or look for a proxy that opens encrypted connections',
  },
];

/** Says what an error of a socket, of TLS or of Node's HTTP means for whoever runs the device. */
export function connectionFault(error: unknown, place: Place): ConnectionFault {
  if (error instanceof Error && ['AbortError', 'TimeoutError'].includes(error.name)) {
    return { kind: 'timeout', reason: 'there was no answer in time; check the network' };
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const text = `${code} ${error instanceof Error ? error.message : ''}`;
  const rule = rules.find(({ pattern }) => pattern.test(text));
  if (rule !== undefined) return { kind: rule.kind, reason: rule.reason(place) };
  const isTls = /^(?:ERR_SSL|ERR_TLS|EPROTO)/.test(code);
  return { kind: isTls ? 'tls' : 'protocol', reason: plainReason(error) };
}
