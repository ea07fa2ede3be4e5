import { reasonOf } from '../../base/errors.js';
import { ServiceError, type ServiceErrorKind } from '../identity/services/service-error.js';

/**
 * What went wrong between the agent and the hub; the kind decides the reaction, the message is one sentence for
 * the operator. Never holds a key, a token or a connection string.
 */
export type FailureKind = ServiceErrorKind | 'dropped' | 'refused';

/** One failed step towards the hub; the message is a sentence for the operator, with every secret taken out. */
export class HubError extends Error {
  override readonly name = 'HubError';

  constructor(
    readonly kind: FailureKind,
    message: string,
    /** That a message may have been the cause, in sentences that the message ends with. */
    readonly suspicion?: string,
  ) {
    super(scrubSecrets(suspicion === undefined ? message : `${message} ${suspicion}`));
  }
}

/** The hub answered one request, and the answer was no: the connection is sound. */
export function isRefusal(failure: Pick<HubError, 'kind'>): boolean {
  return ['throttled', 'refused', 'unavailable'].includes(failure.kind);
}

/** Whatever was thrown, as a HubError; what is none is a fault of the protocol. */
export function asHubError(error: unknown): HubError {
  if (error instanceof HubError) return error;
  if (error instanceof ServiceError) return new HubError(error.kind, error.message);
  return new HubError('protocol', reasonOf(error));
}

/** Whom the agent talks to; part of every sentence. */
export interface Endpoint {
  /** The name that is dialled: the gateway where there is one. May hold `:port`. */
  readonly dialled: string;
  /** `<deviceId>/<moduleId>` */
  readonly identity: string;
  /** What the clock of the device says, ISO 8601. */
  readonly clock: string;
}

/** Removes keys and signatures from a text that comes from elsewhere. */
function scrubSecrets(text: string): string {
  return text
    .replace(/SharedAccessKey\s*=\s*[^;\s"']+/gi, 'SharedAccessKey=***')
    .replace(/SharedAccessSignature(\s+|\s*=\s*)[^\s"';]+/gi, 'SharedAccessSignature ***')
    .replace(/\bsig=[^&\s"';]+/gi, 'sig=***');
}

interface Rule {
  readonly pattern: RegExp;
  readonly kind: FailureKind;
  readonly reason: (endpoint: Endpoint, found: RegExpMatchArray) => string;
}

const rules: readonly Rule[] = [
  {
    pattern: /the hub answered 429\b/,
    kind: 'throttled',
    reason: () => 'the hub asks for fewer requests (429)',
  },
  {
    pattern: /the hub answered (?<status>5\d\d)\b/,
    kind: 'unavailable',
    reason: (_, found) => `the hub has trouble (${found.groups?.['status'] ?? ''})`,
  },
  {
    pattern: /the hub answered (?<answer>\d{3}\b.{0,200})/s,
    kind: 'refused',
    reason: (_, found) => `the hub refused it (${found.groups?.['answer'] ?? ''})`,
  },
  {
    pattern: /\b(?:ENOTFOUND|ENODATA)\b(?: (?<name>[^\s:]+))?/,
    kind: 'network',
    reason: ({ dialled }, found) =>
      `the name ${found.groups?.['name'] ?? hostOf(dialled)} does not resolve; check identity.hostName (or gatewayHostName) and the name servers of the device`,
  },
  {
    pattern: /\bEAI_AGAIN\b(?: (?<name>[^\s:]+))?/,
    kind: 'network',
    reason: ({ dialled }, found) =>
      `no name server answered for ${found.groups?.['name'] ?? hostOf(dialled)}; check the network and the name servers of the device`,
  },
  {
    pattern: /\bECONNREFUSED\b/,
    kind: 'network',
    reason: () =>
      'nobody listens there (connection refused); check the name and the port, and whether the hub or gateway is running',
  },
  {
    pattern: /\b(?:ETIMEDOUT|connack timeout)\b/,
    kind: 'network',
    reason: () =>
      'there was no answer; check the network and that a firewall lets TCP port 8883 out',
  },
  {
    pattern: /\b(?:EHOSTUNREACH|ENETUNREACH|ENETDOWN|EHOSTDOWN|EADDRNOTAVAIL)\b/,
    kind: 'network',
    reason: () => 'there is no route to it; check the network of the device',
  },
  {
    pattern: /\b(?:ECONNRESET|EPIPE|ECONNABORTED|socket disconnected|premature close)\b/,
    kind: 'network',
    reason: () => 'the connection was reset; check the network, proxies and firewalls on the way',
  },
  {
    pattern: /certificate has expired|CERT_HAS_EXPIRED/i,
    kind: 'tls',
    reason: ({ clock }) =>
      `its certificate has expired by the clock of the device, which says ${clock}; set the clock if that is wrong, else renew the server's certificate`,
  },
  {
    pattern: /certificate is not yet valid|CERT_NOT_YET_VALID/i,
    kind: 'tls',
    reason: ({ clock }) =>
      `its certificate is not yet valid by the clock of the device, which says ${clock}; set the clock. Until then everything is collected and kept`,
  },
  {
    pattern: /does not match certificate's altnames|ERR_TLS_CERT_ALTNAME_INVALID/i,
    kind: 'tls',
    reason: ({ dialled }) =>
      `its certificate is made out to another name than ${hostOf(dialled)}; check identity.hostName (or gatewayHostName)`,
  },
  {
    pattern:
      /self[- ]signed certificate|unable to verify the first certificate|unable to get (?:local )?issuer certificate|UNABLE_TO_|SELF_SIGNED|certificate signature failure/i,
    kind: 'tls',
    reason: () =>
      'its certificate is not signed by an authority this device trusts; set trustedCaFile to the PEM file of the authority that signed it',
  },
  {
    pattern: /\b(?:EPROTO|wrong version number|handshake failure|ERR_SSL\w*|certificate)\b/i,
    kind: 'tls',
    reason: () =>
      'the TLS handshake failed; check that the port speaks MQTT over TLS 1.2 or later and that nothing on the way opens the encryption',
  },
  {
    pattern: /Connection refused: Server unavailable|\bServiceUnavailableError\b/,
    kind: 'unavailable',
    reason: () => 'the hub is busy or being serviced',
  },
  {
    pattern: /Connection refused: (?:Not authorized|Bad username or password)/,
    kind: 'authorisation',
    reason: ({ identity, clock }) =>
      `it refused the credentials of ${identity}; check the key file or connection string, the clock of the device, which says ${clock}, and that the module exists and its device is enabled`,
  },
  {
    pattern: /Connection refused: (?:Identifier rejected|Unacceptable protocol version)/,
    kind: 'protocol',
    reason: ({ identity }) =>
      `it does not accept the client ${identity}; check the spelling of identity.deviceId and identity.moduleId`,
  },
];

/** The SDK wraps whatever fails before its first success as "Not authorized"; the truth is behind the colon. */
const misleading = /^.*Failure on first connection \(Not authorized\): /s;

/**
 * Makes one `HubError` of whatever the SDK gives.
 * @param action what was attempted, as it continues "Could not …", for example `connect to the IoT Hub`.
 */
export function classifyFailure(error: unknown, action: string, endpoint: Endpoint): HubError {
  if (error instanceof HubError) return error;
  const text = describe(error).replace(misleading, '');
  const subject = `Could not ${action} at ${endpoint.dialled}`;
  for (const rule of rules) {
    const found = rule.pattern.exec(text);
    if (found !== null)
      return new HubError(rule.kind, `${subject}: ${rule.reason(endpoint, found)}.`);
  }
  return new HubError('protocol', `${subject}: ${text || 'no reason was given'}.`);
}

/** The connection was lost after it had been established; the hub gives no reason (MQTT 3.1.1 has none). */
export function dropped(error: unknown, endpoint: Endpoint): HubError {
  const why = describe(error).replace(misleading, '');
  return new HubError(
    'dropped',
    `The connection to ${endpoint.dialled} was lost: ${why || 'it was closed'}.`,
  );
}

function hostOf(dialled: string): string {
  return dialled.replace(/:\d+$/, '');
}

/** Name, code and message of an error and of what it wraps; nothing else of it, a transport error holds options. */
function describe(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return typeof error === 'string' ? error : '';
  const { code, transportError } = error as { code?: unknown; transportError?: unknown };
  const parts = [error.message];
  if (typeof code === 'string' && !error.message.includes(code)) parts.unshift(code);
  if (transportError !== error && depth < 3) parts.push(describe(transportError, depth + 1));
  return [...new Set(parts.filter((part) => part !== ''))].join(' ').replace(/[\s.]+$/, '');
}
