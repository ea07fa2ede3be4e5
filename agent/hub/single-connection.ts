import { systemClock } from '../../base/clock.js';
import { withDeadline } from '../../base/deadline.js';
import { version } from '../../base/version.js';
import type { LocalSettings } from '../../config/local-settings.js';
import type { ModuleCredentials } from '../identity/credentials/credentials.js';
import type { SecretAccess } from '../identity/credentials/secret-file.js';
import { readProxy } from '../identity/modes/proxy.js';
import type { HubClient, HubClientEvents } from './hub-client.js';
import { createSdkClient } from './sdk-client.js';

interface SingleConnectionOptions {
  readonly settings: LocalSettings;
  readonly credentials: ModuleCredentials;
  /** How the secret of a proxy may be had. */
  readonly access: SecretAccess;
  /** The command that connects, in the user agent that the hub sees. */
  readonly command: string;
  readonly createClient?: (credentials: ModuleCredentials, events: HubClientEvents) => HubClient;
}

const closeMs = 2_000;

/**
 * One connection for a command that is over soon; the caller opens it, and it is closed or cut after `use`.
 * @param use is given the client, and what rejects when the connection is lost before the work is done
 */
export async function withSingleConnection<T>(
  options: SingleConnectionOptions,
  use: (client: HubClient, unlessLost: <R>(work: Promise<R>) => Promise<R>) => Promise<T>,
): Promise<T> {
  const { access, command, credentials, settings } = options;
  const { createClient = clientOf(settings, access, command) } = options;
  let lost: (failure: Error) => void = () => undefined;
  const ended = new Promise<never>((_, reject) => (lost = reject));
  ended.catch(() => undefined);
  const client = createClient(credentials, {
    desiredPatch: () => undefined,
    renewed: () => undefined,
    unusable: () => undefined,
    disconnected: (failure) => lost(failure),
  });
  try {
    return await use(client, (work) => Promise.race([work, ended]));
  } finally {
    await withDeadline(systemClock, closeMs, client.close(), () => new Error('late')).catch(() =>
      client.abandon(),
    );
  }
}

function clientOf(settings: LocalSettings, access: SecretAccess, command: string) {
  return createSdkClient({
    keepAliveMs: settings.keepAlive.ms,
    productInfo: `iot-security-agent/${version} ${command}`,
    untilRenewalMs: () => 3_600_000,
    wallMs: () => systemClock.wallMs(),
    clockCorrectionMs: () => 0,
    transport: settings.transport,
    proxy: () => readProxy(settings, access),
    requestTimeoutMs: settings.requestTimeout.ms,
  });
}
