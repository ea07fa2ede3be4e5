import type { LocalSettings } from '../../../config/local-settings.js';
import { readConnectionString } from '../credentials/connection-file.js';
import {
  standardModuleId,
  type CredentialSource,
  type ModuleCredentials,
} from '../credentials/credentials.js';
import { CredentialError } from '../credentials/credential-error.js';
import type { SecretAccess } from '../credentials/secret-file.js';
import { readKeyFile } from '../credentials/symmetric-key.js';
import { loadTrustedCertificates } from '../credentials/trusted-certificates.js';
import type { Surroundings } from './surroundings.js';

type Identity = LocalSettings['identity'];

/** The module's own secret is on the device: nothing is asked of anybody, and a refusal is answered by reading again. */
export function moduleSource(settings: LocalSettings, { access }: Surroundings): CredentialSource {
  const current = (): Promise<ModuleCredentials> => loadModuleCredentials(settings, access);
  return {
    current,
    check: async () => {
      const { hostName, deviceId, moduleId } = await current();
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
      ? await fromKeyFile(identity, access)
      : await fromConnectionString(identity, identity.connectionStringFile, access);
  if (trustedCaFile === undefined) return credentials;
  return { ...credentials, trustedCaPem: await loadTrustedCertificates(trustedCaFile) };
}

async function fromKeyFile(identity: Identity, access: SecretAccess): Promise<ModuleCredentials> {
  const { hostName, deviceId, keyFile, gatewayHostName } = identity;
  if (hostName === undefined || deviceId === undefined || keyFile === undefined) {
    throw new CredentialError(
      'missing',
      'identity needs hostName, deviceId and keyFile, or connectionStringFile alone; add what is missing',
    );
  }
  return {
    hostName,
    deviceId,
    moduleId: identity.moduleId ?? standardModuleId,
    proof: {
      kind: 'key',
      sharedAccessKey: await readKeyFile(keyFile, 'the module', access),
    },
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
    proof: { kind: 'key', sharedAccessKey },
    ...(gatewayHostName === undefined ? {} : { gatewayHostName }),
  };
}
