import type { LocalSettings } from '../../../config/local-settings.js';

/** The files that settings name and that hold a secret. */
export function secretFilesOf({
  identity,
  proxyCredentialsFile,
}: LocalSettings): readonly string[] {
  return [
    identity.keyFile,
    identity.connectionStringFile,
    identity.certificateFile,
    identity.privateKeyFile,
    identity.privateKeyPasswordFile,
    proxyCredentialsFile,
  ].filter((path) => path !== undefined);
}
