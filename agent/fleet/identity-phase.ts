import type { CredentialSource } from '../identity/credentials/credentials.js';
import { DevicePhase } from './device-phase.js';

/**
 * The phase of the identity with which the device connects; an agent id may be shared by devices made from one image.
 * Only where the identity is not known yet the agent id has to do.
 */
export async function identityPhase(
  source: Pick<CredentialSource, 'check'>,
  agentId: string,
): Promise<DevicePhase> {
  try {
    return DevicePhase.of((await source.check()) ?? agentId);
  } catch {
    return DevicePhase.of(agentId);
  }
}
