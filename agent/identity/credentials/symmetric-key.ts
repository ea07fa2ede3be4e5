import { firstLine } from './first-line.js';
import { CredentialError } from './credential-error.js';
import { cutShort, isBase64, isCutShort } from './connection-string.js';
import { readSecretFile, type SecretAccess } from './secret-file.js';

/**
 * Reads `identity.keyFile`.
 * @param whose completes "the symmetric key of …"
 * @returns base64
 * @throws CredentialError
 */
export async function readKeyFile(
  path: string,
  whose: string,
  access: SecretAccess,
): Promise<string> {
  const key = 'identity.keyFile';
  const line = firstLine(await readSecretFile(path, key, access));
  if (isBase64(line) && !isCutShort(line)) return line;
  throw new CredentialError('malformed', `${key}: ${path} ${keyFault(line, whose)}`);
}

/** Says what is there instead of a key, without showing it. */
function keyFault(line: string, whose: string): string {
  if (line === '') {
    return `has an empty first line; expected there is the symmetric key of ${whose}, in base64`;
  }
  if (/SharedAccessKey=/i.test(line)) {
    return 'holds a connection string, not a key; name it in identity.connectionStringFile instead';
  }
  if (line.startsWith('-----BEGIN')) {
    return 'holds PEM, not a symmetric key; name a certificate and its key in identity.certificateFile and identity.privateKeyFile instead';
  }
  if (isBase64(line)) {
    return `holds a key ${cutShort}; copy the primary key of ${whose} again, all of it`;
  }
  return `does not hold base64 on its first line; copy the primary key of ${whose} again, all of it and nothing else`;
}
