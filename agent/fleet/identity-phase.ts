import type { ModuleCredentials } from '../identity/credentials.js';
import { DevicePhase } from './device-phase.js';

/**
 * The phase of the identity with which the device connects; an agent id may be shared by devices made from one image.
 * Only where the identity is not known yet the agent id has to do.
 */
export async function identityPhase(
  credentials: () => Promise<ModuleCredentials>,
  agentId: string,
): Promise<DevicePhase> {
  try {
    const { hostName, deviceId, moduleId } = await credentials();
    return DevicePhase.of(`${hostName}/${deviceId}/${moduleId}`);
  } catch {
    return DevicePhase.of(agentId);
  }
}
