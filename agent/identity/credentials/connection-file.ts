import type { LocalSettings } from '../../../config/local-settings.js';
import { parseConnectionString, type ConnectionString } from './connection-string.js';
import { CredentialError } from './credential-error.js';
import { firstLine } from './first-line.js';
import { readSecretFile, type SecretAccess } from './secret-file.js';

/**
 * Reads `identity.connectionStringFile`, whose string must agree with what the settings say beside it.
 * @throws CredentialError
 */
export async function readConnectionString(
  path: string,
  identity: LocalSettings['identity'],
  access: SecretAccess,
): Promise<ConnectionString> {
  const key = 'identity.connectionStringFile';
  const parsed = parseConnectionString(firstLine(await readSecretFile(path, key, access)));
  if ('fault' in parsed) throw new CredentialError('malformed', `${key}: ${path} ${parsed.fault}`);
  const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
  for (const name of ['hostName', 'deviceId', 'moduleId', 'gatewayHostName'] as const) {
    const [stated, found] = [identity[name], parsed[name]];
    if (stated === undefined || found === undefined) continue;
    const isHost = name === 'hostName' || name === 'gatewayHostName';
    if (isHost ? same(stated, found) : stated === found) continue;
    throw new CredentialError(
      'malformed',
      `identity.${name} is ${stated}, but the connection string in ${path} says ${found}; correct one of them, or remove identity.${name}`,
    );
  }
  return parsed;
}
