import type { LocalSettings } from '../../../config/local-settings.js';
import { readConnectionString } from '../credentials/connection-file.js';
import {
  standardModuleId,
  type CredentialSource,
  type ModuleCredentials,
} from '../credentials/credentials.js';
import { CredentialError, missingSetting } from '../credentials/credential-error.js';
import type { SecretAccess } from '../credentials/secret-file.js';
import { readProof, readProofBeside } from '../credentials/proof.js';
import { loadTrustedCertificates } from '../credentials/trusted-certificates.js';
import { refuseInvalid } from '../credentials/validity.js';
import type { Surroundings } from './surroundings.js';

type Identity = LocalSettings['identity'];

/** The module's own secret is on the device: nothing is asked of anybody, and a refusal is answered by reading again. */
export function moduleSource(
  settings: LocalSettings,
  { access, hubTimeMs }: Surroundings,
): CredentialSource {
  const load = (): Promise<ModuleCredentials> => loadModuleCredentials(settings, access);
  return {
    current: async () => {
      const credentials = await load();
      refuseInvalid(credentials.proof, settings.identity, hubTimeMs());
      return credentials;
    },
    check: async () => {
      const { hostName, deviceId, moduleId } = await load();
      return `${hostName}/${deviceId}/${moduleId}`;
    },
    refused: () => false,
  };
}

/** @throws CredentialError */
async function loadModuleCredentials(
  settings: LocalSettings,
  access: SecretAccess,
): Promise<ModuleCredentials> {
  const { identity, trustedCaFile } = settings;
  const credentials =
    identity.connectionStringFile === undefined
      ? await fromSettings(identity, access)
      : await fromConnectionString(identity, identity.connectionStringFile, access);
  if (trustedCaFile === undefined) return credentials;
  return { ...credentials, trustedCaPem: await loadTrustedCertificates(trustedCaFile) };
}

async function fromSettings(identity: Identity, access: SecretAccess): Promise<ModuleCredentials> {
  const { hostName, deviceId, gatewayHostName } = identity;
  if (hostName === undefined || deviceId === undefined) {
    throw new CredentialError(
      'missing',
      'identity needs hostName and deviceId, or connectionStringFile; add what is missing',
      missingSetting,
    );
  }
  return {
    hostName,
    deviceId,
    moduleId: identity.moduleId ?? standardModuleId,
    proof: await readProof(identity, 'the module', access),
    ...(gatewayHostName === undefined ? {} : { gatewayHostName }),
  };
}

async function fromConnectionString(
  identity: Identity,
  path: string,
  access: SecretAccess,
): Promise<ModuleCredentials> {
  const parsed = await readConnectionString(path, identity, access);
  const { gatewayHostName = identity.gatewayHostName, sharedAccessKey, ...who } = parsed;
  return {
    ...who,
    proof: await readProofBeside(sharedAccessKey, path, identity, access),
    ...(gatewayHostName === undefined ? {} : { gatewayHostName }),
  };
}
