import { X509Certificate } from 'node:crypto';
import type { LocalSettings } from '../../config/local-settings.js';
import { cutShort, isBase64, isCutShort, parseConnectionString } from './connection-string.js';
import { CredentialError } from './credential-error.js';
import { readSecretFile, readTrustedFile, type SecretAccess } from './secret-file.js';

export { CredentialError } from './credential-error.js';
export type { CredentialErrorKind } from './credential-error.js';

/** What the environment of the process says about how secrets may be had. */
export function secretAccess(environment: NodeJS.ProcessEnv): SecretAccess {
  return { credentialsDirectory: environment['CREDENTIALS_DIRECTORY'] };
}

/** All that is needed to connect as the module. Holds a secret: never to be logged or put into an error. */
export interface ModuleCredentials {
  readonly hostName: string;
  /** Where to connect instead of `hostName`; may end in `:port`. */
  readonly gatewayHostName?: string;
  readonly deviceId: string;
  readonly moduleId: string;
  /** Base64. */
  readonly sharedAccessKey: string;
  /** PEM certificates that are trusted in addition to the public ones. */
  readonly trustedCaPem?: string;
}

/** The module id that the message contract prescribes. */
const standardModuleId = 'azureiotsecurity';

type Identity = LocalSettings['identity'];

/**
 * Reads the credentials that the settings name; read anew on each call, because keys are rolled.
 * @throws CredentialError
 */
export async function loadCredentials(
  settings: LocalSettings,
  access: SecretAccess = {},
): Promise<ModuleCredentials> {
  const { identity, trustedCaFile } = settings;
  const credentials =
    identity.connectionStringFile === undefined
      ? await fromKeyFile(identity, access)
      : await fromConnectionString(identity, identity.connectionStringFile, access);
  if (trustedCaFile === undefined) return credentials;
  return { ...credentials, trustedCaPem: await loadTrustedCertificates(trustedCaFile) };
}

async function fromKeyFile(identity: Identity, access: SecretAccess): Promise<ModuleCredentials> {
  const { hostName, deviceId, keyFile, gatewayHostName } = identity;
  if (hostName === undefined || deviceId === undefined || keyFile === undefined) {
    throw new CredentialError(
      'missing',
      'identity needs hostName, deviceId and keyFile, or connectionStringFile alone; add what is missing',
    );
  }
  const sharedAccessKey = firstLine(await readSecretFile(keyFile, 'identity.keyFile', access));
  if (!isBase64(sharedAccessKey) || isCutShort(sharedAccessKey)) {
    throw new CredentialError(
      'malformed',
      `identity.keyFile: ${keyFile} ${keyFault(sharedAccessKey)}`,
    );
  }
  return {
    hostName,
    deviceId,
    moduleId: identity.moduleId ?? standardModuleId,
    sharedAccessKey,
    ...(gatewayHostName === undefined ? {} : { gatewayHostName }),
  };
}

/** Says what is there instead of a key, without showing it. */
function keyFault(line: string): string {
  if (line === '') {
    return 'has an empty first line; expected there is the symmetric key of the module, in base64';
  }
  if (/SharedAccessKey=/i.test(line)) {
    return 'holds a connection string, not a key; name it in identity.connectionStringFile instead';
  }
  if (line.startsWith('-----BEGIN')) {
    return 'holds PEM, not a symmetric key; X.509 is not supported yet, so give the module a symmetric key';
  }
  if (isBase64(line)) {
    return `holds a key ${cutShort}; copy the primary key of the module again, all of it`;
  }
  return 'does not hold base64 on its first line; copy the primary key of the module again, all of it and nothing else';
}

async function fromConnectionString(
  identity: Identity,
  path: string,
  access: SecretAccess,
): Promise<ModuleCredentials> {
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
  const { gatewayHostName = identity.gatewayHostName, ...rest } = parsed;
  return { ...rest, ...(gatewayHostName === undefined ? {} : { gatewayHostName }) };
}

/**
 * Reads the certificates of `trustedCaFile`, as PEM.
 * @throws CredentialError
 */
export async function loadTrustedCertificates(path: string): Promise<string> {
  const pem = await readTrustedFile(path, 'trustedCaFile');
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) {
    throw new CredentialError('malformed', `trustedCaFile: ${path} ${certificateFault(pem)}`);
  }
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch {
      throw new CredentialError(
        'malformed',
        `trustedCaFile: certificate ${index + 1} in ${path} cannot be read; copy the file again`,
      );
    }
  }
  return `${blocks.join('\n')}\n`;
}

/** Says what is there instead of PEM certificates. */
function certificateFault(text: string): string {
  // The beginning of a DER sequence of more than 127 bytes; the second byte is not UTF-8.
  if (/^0\ufffd/.test(text)) {
    return 'is a certificate in DER; convert it to PEM with: openssl x509 -inform der -in FILE -out FILE.pem';
  }
  const [, label] = /-----BEGIN ([A-Z0-9 ]{1,40})-----/.exec(text) ?? [];
  const found = label === undefined ? 'no PEM certificate' : `PEM of another kind (${label})`;
  return `holds ${found}; expected is text with -----BEGIN CERTIFICATE----- in it`;
}

function firstLine(text: string): string {
  return (text.replace(/^\uFEFF/, '').split('\n', 1)[0] ?? '').trim();
}
