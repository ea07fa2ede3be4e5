import {
  networkRules,
  resetRule,
  type ConnectionRule,
} from '../identity/services/connection-fault.js';
import type { FailureKind } from './failure-kind.js';
import type { ProofDescription } from './proof-description.js';

/** Whom the agent talks to; part of every sentence. */
export interface Endpoint {
  /** The name that is dialled: the gateway where there is one. May hold `:port`. */
  readonly dialled: string;
  /** `<deviceId>/<moduleId>` */
  readonly identity: string;
  /** What the clock of the device says, ISO 8601. */
  readonly clock: string;
  /** MQTT over TLS when absent. */
  readonly transport?: 'mqtt' | 'mqtt-websocket';
  /** What was shown of the module; absent where nothing was. */
  readonly proof?: ProofDescription;
}

interface Rule {
  readonly pattern: RegExp;
  readonly kind: FailureKind;
  readonly reason: (endpoint: Endpoint, found: RegExpMatchArray) => string;
}

/** The first that matches counts. */
export const failureRules: readonly Rule[] = [
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
  ...networkRules.map(ofHub),
  {
    pattern: /\bECONNREFUSED\b/,
    kind: 'network',
    reason: () =>
      'nobody listens there (connection refused); check the name and the port, and whether the hub or gateway is running',
  },
  {
    pattern: /\b(?:ETIMEDOUT|connack timeout)\b/,
    kind: 'network',
    reason: ({ transport }) => `there was no answer; check the network and ${firewall(transport)}`,
  },
  ofHub(resetRule),
  {
    pattern:
      /alert (?<alert>bad certificate|unsupported certificate|certificate (?:revoked|expired|unknown|required)|unknown ca|access denied)/i,
    kind: 'authorisation',
    reason: (endpoint, found) => alertReason(endpoint, found.groups?.['alert'] ?? ''),
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
    pattern: /Unexpected server response: (?<status>\d{3})/,
    kind: 'protocol',
    reason: (_, found) =>
      `it answered ${found.groups?.['status'] ?? ''} to the request for a WebSocket; check identity.hostName (or gatewayHostName), and that nothing on the way refuses WebSockets`,
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
    reason: refusalReason,
  },
  {
    pattern: /Connection refused: (?:Identifier rejected|Unacceptable protocol version)/,
    kind: 'protocol',
    reason: ({ identity }) =>
      `it does not accept the client ${identity}; check the spelling of identity.deviceId and identity.moduleId`,
  },
];

/** What holds of any server, said of the hub. */
function ofHub({ pattern, kind, reason }: ConnectionRule): Rule {
  const settings = 'identity.hostName (or gatewayHostName)';
  return {
    pattern,
    kind,
    reason: ({ dialled }, found) =>
      reason({ host: found.groups?.['name'] ?? hostOf(dialled), settings }),
  };
}

function hostOf(dialled: string): string {
  return dialled.replace(/:\d+$/, '');
}

function firewall(transport: Endpoint['transport']): string {
  return transport === 'mqtt-websocket'
    ? 'that a firewall lets TCP port 443 out'
    : 'that a firewall lets TCP port 8883 out; where only HTTPS is let out, set transport to mqtt-websocket';
}

/** IoT Hub gives one code for all that is wrong with a proof (CONNACK 5). */
function refusalReason({ clock, identity, proof }: Endpoint): string {
  if (proof?.kind === 'certificate') {
    return `it refused the certificate of ${identity} (${proof.says}); ${registration(identity)} ${unauthorized}`;
  }
  if (proof?.kind === 'signer') {
    return `it refused the credentials of ${identity}, which the services of IoT Edge signed; check that the module exists in the hub and its device is enabled, and the clock of the device, which says ${clock} ${unauthorized}`;
  }
  return `it refused the credentials of ${identity}; check the key file or connection string, the clock of the device, which says ${clock}, and that the module exists and its device is enabled; a hub may also be set to take no keys of modules at all (disableModuleSAS): then give the module a certificate ${unauthorized}`;
}

/** The server ended the handshake because of the certificate of the client. */
function alertReason({ clock, identity, proof }: Endpoint, alert: string): string {
  if (proof?.kind !== 'certificate') {
    return `it asks for a certificate of the client (TLS alert "${alert}"), and none was shown; name it in identity.certificateFile ${unauthorized}`;
  }
  const expired = /expired/i.test(alert)
    ? `replace it, or set the clock of the device, which says ${clock}`
    : registration(identity);
  return `it refused the certificate of ${identity} in the TLS handshake (alert "${alert}"; ${proof.says}); ${expired} ${unauthorized}`;
}

function registration(identity: string): string {
  return `in the hub the module must be registered with this thumbprint, or, if an authority signed it, as signed by an authority that the hub knows, with the common name ${identity}; check also that its device is enabled`;
}

/** As the logs of the retired agents named it. */
const unauthorized = '[Authentication / Unauthorized]';
