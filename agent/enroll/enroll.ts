import { CredentialError } from '../identity/credentials/credential-error.js';
import {
  type Configuration,
  prepareConfiguration,
  unusedSecrets,
  writeConfiguration,
} from './configuration.js';
import type { GivenIdentity } from './given.js';
import { unusable } from './settings-file.js';
import { withStagedSecrets } from './staged-secrets.js';
import { type Taken, tryConfiguration } from './trial.js';

export interface Enrollment {
  readonly configuration: Configuration;
  /** `host/device/module` as far as it is known; undefined where the services of IoT Edge say it. */
  readonly who: string | undefined;
  /** Files of secrets that nothing names any more. */
  readonly unused: readonly string[];
  /** Whom the hub took it for; undefined when it was not tried. */
  readonly taken: Taken | undefined;
}

interface EnrollOptions {
  readonly directory: string;
  readonly given: GivenIdentity;
  /** Whether to connect before anything is written; asked with what tells this identity from others. */
  readonly isTried?: (who: string | undefined) => Promise<boolean>;
  readonly groupFile?: string;
}

/**
 * Checks who the device is said to be and writes the files of the configuration. @throws CommandError
 *
 * 1. Everything is checked, and tried where that is wished for, before anything is written; after an error the device is
 *    as it was.
 * 2. A secret stands in a file of its own, which only root can read from its first byte on, and in no sentence.
 */
export async function enroll(options: EnrollOptions): Promise<Enrollment> {
  const { directory, given, groupFile, isTried } = options;
  const configuration = await prepareConfiguration({
    directory,
    identity: given.identity,
    settings: {},
    secrets: given.secrets,
    replacedPlaces: given.namesGateway ? ['gatewayHostName'] : [],
    ...(groupFile !== undefined && { groupFile }),
  });
  const who = await checkCredentials(configuration);
  const taken =
    isTried !== undefined && (await isTried(who))
      ? await tryConfiguration(configuration)
      : undefined;
  await writeConfiguration(configuration);
  return { configuration, who, taken, unused: await unusedSecrets(configuration) };
}

/** Has the agent's own reader look at the secrets, and asks nobody. @throws CommandError */
export async function checkCredentials(configuration: Configuration): Promise<string | undefined> {
  try {
    return await withStagedSecrets(configuration, ({ source }) => source.check());
  } catch (error) {
    if (error instanceof CredentialError) throw unusable(error.message);
    throw error;
  }
}
