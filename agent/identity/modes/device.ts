import type { LocalSettings } from '../../../config/local-settings.js';
import type { CredentialSource } from '../credentials/credentials.js';
import { refuseInvalid } from '../credentials/validity.js';
import { deviceOf, reachOf, serviceAt, type DeviceFromFiles } from './device-files.js';
import { ModuleKeysOfDevice, type DeviceAccess } from './module-keys.js';
import type { Surroundings } from './surroundings.js';

/** The device's secret is on the device: with it the key of the module is read from the hub. */
export function deviceSource(
  settings: LocalSettings,
  surroundings: Surroundings,
): CredentialSource {
  const keys = new ModuleKeysOfDevice(surroundings);
  const read = (): Promise<DeviceFromFiles> => deviceOf(settings.identity, surroundings.access);
  return {
    current: async () => {
      const device = await read();
      refuseInvalid(device.proof, settings.identity, surroundings.hubTimeMs());
      return keys.current(await accessOf(device, settings, surroundings));
    },
    check: async () => {
      const { deviceId, hostName, moduleId } = await read();
      return `${hostName}/${deviceId}/${moduleId}`;
    },
    refused: (credentials) => keys.refused(credentials),
  };
}

/** How the device reads its module. */
export async function accessOf(
  device: DeviceFromFiles,
  settings: LocalSettings,
  surroundings: Surroundings,
): Promise<DeviceAccess> {
  const { restEndpoint } = settings.identity;
  const place =
    restEndpoint === undefined
      ? { address: device.hostName, settings: 'identity.hostName' }
      : { address: restEndpoint, settings: 'identity.restEndpoint' };
  const service = serviceAt(place, await reachOf(settings, surroundings));
  return { ...device, service };
}
