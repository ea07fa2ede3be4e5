import { systemClock } from '../../base/clock.js';
import { withDeadline } from '../../base/deadline.js';
import { asHubError, HubError } from '../hub/failure.js';
import { withSingleConnection } from '../hub/single-connection.js';
import { standardModuleId } from '../identity/credentials/credentials.js';
import { CredentialError } from '../identity/credentials/credential-error.js';
import type { Configuration } from './configuration.js';
import { unusable } from './settings-file.js';
import { type Staged, withStagedSecrets } from './staged-secrets.js';

/** Whom the hub took the device for. */
export interface Taken {
  readonly hostName: string;
  readonly deviceId: string;
  readonly moduleId: string;
}

/** Connects as the agent will, and reads the twin, before anything is written. @throws CommandError */
export async function tryConfiguration(configuration: Configuration): Promise<Taken> {
  try {
    return await withStagedSecrets(configuration, connectOnce);
  } catch (error) {
    if (error instanceof CredentialError) throw unusable(error.message);
    const { kind, message } = asHubError(error);
    const remedy =
      kind === 'authorisation' || kind === 'credentials' ? ` ${inPortal(configuration)}` : '';
    throw unusable(`${message}${remedy} To write it without trying, add --no-try.`);
  }
}

/** What to do where the module is not there yet. */
function inPortal({ settings }: Configuration): string {
  const { deviceId, moduleId = standardModuleId } = settings.identity;
  const device = deviceId === undefined ? 'the device' : `the device ${deviceId}`;
  return `If the module is not there yet: in the Azure portal open the IoT Hub, then Devices and ${device}, choose Add Module Identity, name it ${moduleId}, and leave the authentication type at symmetric key unless it has a certificate of its own.`;
}

async function connectOnce({ access, settings, source }: Staged): Promise<Taken> {
  const credentials = await source.current();
  const { deviceId, hostName, moduleId } = credentials;
  const timeoutMs = settings.requestTimeout.ms;
  const options = { access, settings, credentials, command: 'enroll' };
  return withSingleConnection(options, async (client, unlessLost) => {
    const step = <T>(what: string, work: Promise<T>): Promise<T> =>
      unlessLost(
        withDeadline(systemClock, timeoutMs, work, () => {
          return new HubError('timeout', `${what} had no answer within ${timeoutMs / 1000} s.`);
        }),
      );
    await step(`The connect to ${hostName}`, client.open());
    await step('The read of the module twin', client.readTwin());
    return { deviceId, hostName, moduleId };
  });
}
