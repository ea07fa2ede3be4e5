import { join } from 'node:path';
import {
  parseConnectionString,
  type ConnectionString,
} from '../identity/credentials/connection-string.js';
import { prepareConfiguration, secretNames, writeConfiguration } from './configuration.js';
import { unusable } from './settings-file.js';

export interface Enrollment {
  readonly identity: Pick<ConnectionString, 'hostName' | 'deviceId' | 'moduleId'>;
  readonly secretFile: string;
  readonly settingsFile: string;
  /** False when they said all that already. */
  readonly settingsWereWritten: boolean;
  /** Keys of `identity` that the connection string takes the place of. */
  readonly removedKeys: readonly string[];
  readonly groupIsMissing: boolean;
  /** The settings have messages carry it. */
  readonly securityMarker: boolean;
}

interface EnrollOptions {
  readonly directory: string;
  /** What was given as the connection string; its first line that is not empty counts. */
  readonly input: string;
  readonly groupFile?: string;
}

/**
 * Checks the connection string and writes both files of the configuration. @throws CommandError
 *
 * 1. Everything is checked before anything is written; after an error the device is as it was.
 * 2. The secret stands in its own file, which only root can read from its first byte on, and in no sentence.
 */
export async function enroll(options: EnrollOptions): Promise<Enrollment> {
  if (options.directory === '') throw unusable('--directory is empty; name a directory');
  const line = connectionStringIn(options.input);
  if (line === '') throw unusable('The input is empty; paste the connection string of the module');
  const connection = parseConnectionString(line);
  if ('fault' in connection) throw unusable(`The input ${connection.fault}`);
  const { gatewayHostName, hostName, deviceId, moduleId } = connection;
  const { moduleConnection } = secretNames;
  const configuration = await prepareConfiguration({
    directory: options.directory,
    identity: { 'identity.mode': 'module' },
    settings: {},
    secrets: [
      { key: 'identity.connectionStringFile', name: moduleConnection, content: `${line}\n` },
    ],
    replacedPlaces: gatewayHostName === undefined ? [] : ['gatewayHostName'],
    groupFile: options.groupFile,
  });
  await writeConfiguration(configuration);
  return {
    identity: { hostName, deviceId, moduleId },
    secretFile: join(configuration.directory, moduleConnection),
    settingsFile: configuration.settingsFile,
    settingsWereWritten: configuration.isChanged,
    removedKeys: configuration.removedKeys,
    groupIsMissing: configuration.groupId === undefined,
    securityMarker: configuration.settings.securityMarker,
  };
}

/** The first line that holds something, without the quotes in which it may have been copied. */
function connectionStringIn(text: string): string {
  const [line = ''] = text
    .replace(/^\uFEFF/, '')
    .trim()
    .split('\n', 1);
  return line
    .trim()
    .replace(/^(["'])(.*)\1$/, '$2')
    .trim();
}
