import type { LocalSettings } from '../../../config/local-settings.js';
import { CredentialError } from '../credentials/credential-error.js';
import { firstLine } from '../credentials/first-line.js';
import { readSecretFile, type SecretAccess } from '../credentials/secret-file.js';
import type { Proxy } from '../services/proxy-tunnel.js';

const key = 'proxyCredentialsFile';

/**
 * The proxy that the settings name, with its user and password; undefined where none is named. Read anew before each
 * connect.
 * @throws CredentialError
 */
export async function readProxy(
  { proxy, proxyCredentialsFile }: LocalSettings,
  access: SecretAccess,
): Promise<Proxy | undefined> {
  if (proxy === undefined) return undefined;
  // The format of the setting has both.
  const [, host = '', port = ''] = /^http:\/\/(.+):(\d+)$/.exec(proxy) ?? [];
  const address = { host, port: Number(port) };
  if (proxyCredentialsFile === undefined) return address;
  const userAndPassword = firstLine(await readSecretFile(proxyCredentialsFile, key, access));
  if (/^[^:]+:/.test(userAndPassword)) return { ...address, userAndPassword };
  throw new CredentialError(
    'malformed',
    `${key}: ${proxyCredentialsFile} does not hold user:password on its first line; write it so`,
  );
}
