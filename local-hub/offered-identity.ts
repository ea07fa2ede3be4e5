import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../base/json.js';
import { replaceFileSync } from '../base/replace-file.js';
import { Authority, selfSigned, type IssuedCertificate } from './hub/certificates.js';
import type { Authentication } from './hub/identities.js';
import type { DeviceRegistration, LocalHub } from './hub/local-hub.js';
import type { EdgeDevice } from './services/edge.js';
import type { ProvisioningService } from './services/provisioning.js';

/** What an identity is made of. */
export interface OfferParts {
  readonly hub: LocalHub;
  /** Where secrets for the agent are written, with mode 0600. */
  readonly directory: string;
  readonly deviceId: string;
  /** Dialled instead of the hub: `host:port`. */
  readonly gatewayHostName: string;
  /** Started when an identity needs it. */
  readonly provisioning: () => Promise<ProvisioningService>;
  readonly edge: () => Promise<EdgeDevice>;
}

/** One way for an agent to be the module: makes all that it needs in the hub and on disk. @returns `identity` of agent.json */
type Offer = (parts: OfferParts) => Promise<JsonObject>;

const moduleId = 'azureiotsecurity';

function write({ directory, deviceId }: OfferParts, name: string, text: string): string {
  const file = join(directory, `${deviceId}.${name}`);
  replaceFileSync(file, text, 0o600);
  return file;
}

function writeCertificate(parts: OfferParts, shown: IssuedCertificate): JsonObject {
  return {
    certificateFile: write(parts, 'certificate.pem', shown.certificatePem),
    privateKeyFile: write(parts, 'certificate.key.pem', shown.privateKeyPem),
  };
}

function byThumbprint({ sha256Thumbprint }: IssuedCertificate): Authentication {
  return { type: 'selfSigned', primaryThumbprint: sha256Thumbprint, secondaryThumbprint: '' };
}

const bySas: Authentication = { type: 'sas' };

function where({ hub, deviceId, gatewayHostName }: OfferParts): JsonObject {
  return { hostName: hub.hubName, deviceId, gatewayHostName };
}

/** The device with its module, which has symmetric keys that the device may read. */
function asDevice(parts: OfferParts, authentication: Authentication): DeviceRegistration {
  parts.hub.registerModule(parts.deviceId, moduleId, bySas);
  return parts.hub.registerDevice(parts.deviceId, authentication);
}

const restEndpoint = ({ hub }: OfferParts): string => `localhost:${hub.httpsPort}`;

/** An authority that is kept, so that it has to be registered once. */
async function keptAuthority({ hub, directory }: OfferParts): Promise<Authority> {
  const [file, keyFile] = [join(directory, 'fleet-ca.pem'), join(directory, 'fleet-ca.key.pem')];
  const isKept = existsSync(file) && existsSync(keyFile);
  const authority = isKept
    ? await Authority.open(readFileSync(file, 'utf8'), readFileSync(keyFile, 'utf8'))
    : await Authority.create('iot-security-agent local fleet CA');
  replaceFileSync(keyFile, await authority.privateKeyPem(), 0o600);
  replaceFileSync(file, authority.certificatePem, 0o600);
  hub.registry.addAuthority(authority.certificatePem);
  return authority;
}

async function dpsSettings(parts: OfferParts, proof: JsonObject): Promise<JsonObject> {
  const { port, idScope } = await parts.provisioning();
  return {
    mode: 'dps',
    ...proof,
    gatewayHostName: parts.gatewayHostName,
    restEndpoint: restEndpoint(parts),
    dps: { endpoint: `localhost:${port}`, idScope, registrationId: parts.deviceId },
  };
}

/** Every way that the stand-ins offer, by its name on the command line. */
export const offers = {
  module: (parts) => {
    const { hub, deviceId, gatewayHostName } = parts;
    const { connectionString } = hub.registerModule(deviceId, moduleId, bySas);
    const connectionStringFile = write(parts, 'connection-string', `${connectionString}\n`);
    return Promise.resolve({ mode: 'module', connectionStringFile, gatewayHostName });
  },
  'module-thumbprint': async (parts) => {
    const shown = await selfSigned({ commonName: `${parts.deviceId}/${moduleId}` });
    parts.hub.registerModule(parts.deviceId, moduleId, byThumbprint(shown));
    return { mode: 'module', ...where(parts), ...writeCertificate(parts, shown) };
  },
  'module-authority': async (parts) => {
    const authority = await keptAuthority(parts);
    const shown = await authority.issue({ commonName: `${parts.deviceId}/${moduleId}` });
    parts.hub.registerModule(parts.deviceId, moduleId, { type: 'certificateAuthority' });
    return { mode: 'module', ...where(parts), ...writeCertificate(parts, shown) };
  },
  device: (parts) => {
    const { primaryKey } = asDevice(parts, bySas);
    const keyFile = write(parts, 'device-key', `${primaryKey}\n`);
    const restOf = { restEndpoint: restEndpoint(parts), keyFile };
    return Promise.resolve({ mode: 'device', ...where(parts), ...restOf });
  },
  'device-certificate': async (parts) => {
    const shown = await selfSigned({ commonName: parts.deviceId });
    asDevice(parts, byThumbprint(shown));
    const files = writeCertificate(parts, shown);
    return { mode: 'device', ...where(parts), restEndpoint: restEndpoint(parts), ...files };
  },
  dps: async (parts) => {
    const { hub, deviceId } = parts;
    const { primaryKey, secondaryKey } = asDevice(parts, bySas);
    const service = await parts.provisioning();
    const attestation = { type: 'symmetricKey', primaryKey, secondaryKey } as const;
    service.enrol(attestation, { hub, deviceId }, deviceId);
    await service.provision(deviceId);
    return dpsSettings(parts, { keyFile: write(parts, 'enrolment-key', `${primaryKey}\n`) });
  },
  'dps-certificate': async (parts) => {
    const { hub, deviceId } = parts;
    const shown = await selfSigned({ commonName: deviceId });
    asDevice(parts, byThumbprint(shown));
    const service = await parts.provisioning();
    const thumbprints = [shown.sha256Thumbprint];
    service.enrol({ type: 'thumbprints', thumbprints }, { hub, deviceId }, deviceId);
    await service.provision(deviceId);
    return dpsSettings(parts, writeCertificate(parts, shown));
  },
  edge: async (parts) => {
    parts.hub.registerModule(parts.deviceId, moduleId, bySas);
    const { identities, keys } = (await parts.edge()).services;
    const edge = { identitySocket: identities.path, keySocket: keys.path };
    return { mode: 'edge', gatewayHostName: parts.gatewayHostName, edge };
  },
} as const satisfies Record<string, Offer>;

export type OfferName = keyof typeof offers;

export function isOffer(name: string): name is OfferName {
  return Object.hasOwn(offers, name);
}
