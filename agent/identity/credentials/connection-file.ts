import type { LocalSettings } from '../../../config/local-settings.js';
import {
  parseConnectionString,
  parseDeviceConnectionString,
  type ConnectionString,
} from './connection-string.js';
import { contradiction, CredentialError } from './credential-error.js';
import { firstLine } from './first-line.js';
import { readSecretFile, type SecretAccess } from './secret-file.js';

/**
 * Reads `identity.connectionStringFile`, whose string must agree with what the settings say beside it. That of a device
 * has an empty module id.
 * @throws CredentialError
 */
export async function readConnectionString(
  path: string,
  identity: LocalSettings['identity'],
  access: SecretAccess,
  whose: 'module' | 'device' = 'module',
): Promise<ConnectionString> {
  const key = 'identity.connectionStringFile';
  const line = firstLine(await readSecretFile(path, key, access));
  const parsed =
    whose === 'module' ? parseConnectionString(line) : parseDeviceConnectionString(line);
  if ('fault' in parsed) throw new CredentialError('malformed', `${key}: ${path} ${parsed.fault}`);
  const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
  for (const name of ['hostName', 'deviceId', 'moduleId', 'gatewayHostName'] as const) {
    const [stated, found] = [identity[name], parsed[name]];
    if (stated === undefined || found === undefined || found === '') continue;
    const isHost = name === 'hostName' || name === 'gatewayHostName';
    if (isHost ? same(stated, found) : stated === found) continue;
    throw new CredentialError(
      'malformed',
      `identity.${name} is ${stated}, but the connection string in ${path} says ${found}; correct one of them, or remove identity.${name}`,
      contradiction,
    );
  }
  return parsed;
}
