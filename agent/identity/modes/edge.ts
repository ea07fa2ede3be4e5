import type { LocalSettings } from '../../../config/local-settings.js';
import {
  standardModuleId,
  type CredentialSource,
  type ModuleCredentials,
} from '../credentials/credentials.js';
import { CredentialError } from '../credentials/credential-error.js';
import {
  readEdgeIdentity,
  signWithKeysService,
  type EdgeHost,
} from '../services/identity-service.js';
import {
  edgeContainer,
  readTrustBundle,
  signInContainer,
  type EdgeContainer,
} from '../services/workload.js';
import { trustedBy } from './device-files.js';
import type { Surroundings } from './surroundings.js';

/**
 * No secret is on the device: the services of IoT Edge hold the key of the module and sign with it. They are asked before
 * each attempt to connect, so that a module which was made anew, or a device which was provisioned anew, is known at once.
 */
export function edgeSource(settings: LocalSettings, surroundings: Surroundings): CredentialSource {
  const { environment, timeoutMs } = surroundings;
  const container = edgeContainer(environment, timeoutMs);
  if (container === undefined) return hostSource(settings, surroundings);
  if ('fault' in container) {
    const refuse = (): Promise<never> =>
      Promise.reject(new CredentialError('malformed', container.fault));
    return { current: refuse, check: refuse, refused: () => false };
  }
  return containerSource(container, settings);
}

/** As a package on the host: who the module is says the Identity Service, and the Keys Service signs. */
function hostSource(settings: LocalSettings, { timeoutMs }: Surroundings): CredentialSource {
  const { edge, gatewayHostName, moduleId = standardModuleId } = settings.identity;
  const uid = process.geteuid?.() ?? 0;
  const host: EdgeHost = { ...edge, moduleId, uid, timeoutMs };
  return {
    current: async () => {
      const { keyHandle, ...identity } = await readEdgeIdentity(host);
      return credentials({
        ...identity,
        gatewayHostName: gatewayHostName ?? identity.gatewayHostName,
        sign: (text) => signWithKeysService(host, keyHandle, text),
        trustedCaPem: await trustedBy(settings),
      });
    },
    // What the device is called is not known before the service is asked.
    check: () => Promise.resolve(undefined),
    refused: () => false,
  };
}

/** In a container of IoT Edge: the workload API signs, and the hub of Edge is connected to. */
function containerSource(container: EdgeContainer, settings: LocalSettings): CredentialSource {
  const { deviceId, hostName, moduleId } = container;
  return {
    current: async () => {
      const bundle = await readTrustBundle(container);
      return credentials({
        hostName,
        deviceId,
        moduleId,
        gatewayHostName: settings.identity.gatewayHostName ?? container.gatewayHostName,
        sign: (text) => signInContainer(container, text),
        trustedCaPem: `${(await trustedBy(settings)) ?? ''}${bundle}`,
      });
    },
    check: () => Promise.resolve(`${hostName}/${deviceId}/${moduleId}`),
    refused: () => false,
  };
}

interface Found {
  readonly hostName: string;
  readonly gatewayHostName: string | undefined;
  readonly deviceId: string;
  readonly moduleId: string;
  readonly sign: (text: string) => Promise<string>;
  readonly trustedCaPem: string | undefined;
}

function credentials({ gatewayHostName, sign, trustedCaPem, ...who }: Found): ModuleCredentials {
  return {
    ...who,
    proof: { kind: 'signer', sign },
    ...(gatewayHostName === undefined ? {} : { gatewayHostName }),
    ...(trustedCaPem === undefined ? {} : { trustedCaPem }),
  };
}
