import type { LocalSettings } from '../../../config/local-settings.js';
import { readConnectionString } from '../credentials/connection-file.js';
import { CredentialError, missingSetting } from '../credentials/credential-error.js';
import { standardModuleId } from '../credentials/credentials.js';
import type { SecretAccess } from '../credentials/secret-file.js';
import { readProof, readProofBeside, type ProofOfFile } from '../credentials/proof.js';
import { loadTrustedCertificates } from '../credentials/trusted-certificates.js';
import type { HttpsService } from '../services/https-client.js';
import { readProxy } from './proxy.js';
import type { Surroundings } from './surroundings.js';

type Identity = LocalSettings['identity'];

/** What the files and settings say of the device and its module. Holds a secret. */
export interface DeviceFromFiles {
  readonly hostName: string;
  readonly gatewayHostName: string | undefined;
  readonly deviceId: string;
  readonly moduleId: string;
  readonly proof: ProofOfFile;
}

/**
 * Reads who the device is and its proof; read anew on each call, because keys are rolled and certificates replaced.
 * @throws CredentialError
 */
export async function deviceOf(identity: Identity, access: SecretAccess): Promise<DeviceFromFiles> {
  const { connectionStringFile, moduleId = standardModuleId } = identity;
  if (connectionStringFile !== undefined) {
    const parsed = await readConnectionString(connectionStringFile, identity, access, 'device');
    const { deviceId, gatewayHostName = identity.gatewayHostName, hostName } = parsed;
    const key = parsed.sharedAccessKey;
    const proof = await readProofBeside(key, connectionStringFile, identity, access);
    return { hostName, gatewayHostName, deviceId, moduleId, proof };
  }
  const { deviceId, gatewayHostName, hostName } = identity;
  if (hostName === undefined || deviceId === undefined) {
    throw new CredentialError(
      'missing',
      'identity needs hostName and deviceId, or connectionStringFile; add what is missing',
      missingSetting,
    );
  }
  const proof = await readProof(identity, 'the device', access);
  return { hostName, gatewayHostName, deviceId, moduleId, proof };
}

/** What holds for every service that is spoken to over HTTPS. */
export type Reach = Pick<HttpsService, 'timeoutMs' | 'trustedCaPem' | 'proxy'>;

/** @throws CredentialError */
export async function reachOf(
  settings: LocalSettings,
  { access, timeoutMs }: Surroundings,
): Promise<Reach> {
  const proxy = await readProxy(settings, access);
  return { timeoutMs, trustedCaPem: await trustedBy(settings), proxy };
}

/**
 * The certificates of `trustedCaFile`, PEM; undefined where none is named.
 * @throws CredentialError
 */
export async function trustedBy({ trustedCaFile }: LocalSettings): Promise<string | undefined> {
  return trustedCaFile === undefined ? undefined : loadTrustedCertificates(trustedCaFile);
}

/** @param address a host name, with a port where that is not 443 */
export function serviceAt(
  { address, settings }: { readonly address: string; readonly settings: string },
  reach: Reach,
): HttpsService {
  const [host = '', port = '443'] = address.split(':');
  return { host, port: Number(port), settings, ...reach };
}
