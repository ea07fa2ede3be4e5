import type { ClientCertificate } from './client-certificate.js';
import { clientIdOf, type Address, type Identities } from './identities.js';
import { checkProof, resourceOf } from './proof.js';
import { parseRequest } from './topics.js';

/** Return codes of CONNACK, MQTT 3.1.1 §3.2.2.3. */
export type RefusalCode = 1 | 2 | 3 | 4 | 5;

/** The parts of a CONNECT packet that decide. */
interface ConnectRequest {
  /** 4 is MQTT 3.1.1. */
  readonly protocolLevel: number;
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** The one of the TLS handshake. */
  readonly certificate: ClientCertificate | undefined;
  readonly will?: { readonly topic: string; readonly qos?: number } | undefined;
}

/** What is asked of the hub. */
export interface ConnectHub {
  readonly hubName: string;
  readonly identities: Identities;
  readonly settings: { readonly moduleSasDisabled: boolean };
}

export interface Admission {
  readonly address: Address;
  /** Without `api-version` in the user name the connection stands, but every twin request is refused. */
  readonly hasApiVersion: boolean;
  readonly expiresAtMs: number;
}

export interface Refusal {
  readonly code: RefusalCode;
  /** For the operator of the stand-in; the wire carries the code only. */
  readonly reason: string;
}

interface UserName extends Address {
  readonly host: string;
  readonly hasApiVersion: boolean;
}

/** `host/device[/module]/?api-version=…`; a user name without the query still names who connects. */
function parseUserName(username: string): UserName | undefined {
  // An id may begin with a question mark; what follows the last one that begins a part is the query.
  const at = username.lastIndexOf('/?');
  const path = at < 0 ? username : username.slice(0, at);
  const query = at < 0 ? '' : username.slice(at + 2);
  const [host, deviceId, moduleId, ...rest] = path.replace(/\/$/, '').split('/');
  if (!host || !deviceId || moduleId === '' || rest.length > 0) return undefined;
  return { host, deviceId, moduleId, hasApiVersion: /(^|&)api-version=[^&]/.test(query) };
}

/** A will arrives as telemetry of its client, so that it has to be on that topic. */
function willFault(will: ConnectRequest['will'], address: Address): string | undefined {
  if (will === undefined) return undefined;
  if (will.qos === 2) return 'its will has quality of service 2';
  if (parseRequest(will.topic, address)?.kind === 'telemetry') return undefined;
  return `its will is for ${will.topic}, which is not its telemetry topic`;
}

/** Decides about a CONNECT as IoT Hub does; see {@link RefusalCode} for what the client gets to know. */
export function checkConnect(
  request: ConnectRequest,
  hub: ConnectHub,
  nowMs: number,
): Admission | Refusal {
  const { hubName, identities } = hub;
  if (request.protocolLevel !== 4) {
    return { code: 1, reason: `MQTT protocol level ${request.protocolLevel} instead of 4 (3.1.1)` };
  }
  const user = parseUserName(request.username ?? '');
  if (user === undefined) {
    return { code: 4, reason: 'the user name is not host/device[/module]/?api-version=…' };
  }
  const { deviceId, moduleId, hasApiVersion } = user;
  const address = { deviceId, moduleId };
  if (request.clientId !== clientIdOf(address)) {
    return { code: 2, reason: `the client id is not ${clientIdOf(address)} as in the user name` };
  }
  if (user.host.toLowerCase() !== hubName.toLowerCase()) {
    return { code: 5, reason: `the user name is for the hub ${user.host}, this is ${hubName}` };
  }
  const identity = identities.find(address);
  if (identity === undefined) {
    return { code: 5, reason: `${clientIdOf(address)} is not registered` };
  }
  if (identities.find({ deviceId })?.disabled === true) {
    return { code: 5, reason: `the device ${deviceId} is disabled` };
  }
  const fault = willFault(request.will, address);
  if (fault !== undefined) return { code: 5, reason: fault };
  const verdict = checkProof(request.password ?? '', request.certificate, {
    identity,
    resource: resourceOf(hubName, address),
    moduleSasDisabled: hub.settings.moduleSasDisabled,
    nowMs,
  });
  if ('refused' in verdict) return { code: 5, reason: verdict.refused };
  return { address, hasApiVersion, expiresAtMs: verdict.expiresAtMs };
}
