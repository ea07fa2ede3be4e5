import { FileError, readBoundedFile } from '../../base/bounded-file.js';
import type { LocalKey } from '../../config/local-settings.js';
import { secretNames } from '../enroll/configuration.js';
import { cutShort, isBase64, isCutShort } from '../identity/credentials/connection-string.js';
import { ImportError, type OldSecret } from './formats/findings.js';

/** A secret of the old agent, which is copied: its own files go when it is removed. */
export interface TakenSecret {
  /** The setting that names the copy. */
  readonly key: LocalKey;
  readonly name: string;
  readonly content: string | Uint8Array;
  /** Where the old agent has it; undefined for what another file said. */
  readonly from?: string;
}

/** Keys, chains of certificates and PKCS#12 files are far smaller. */
const largestBytes = 65_536;

const keyNames: Readonly<Record<string, string>> = {
  module: secretNames.moduleKey,
  device: secretNames.deviceKey,
  dps: secretNames.enrollmentKey,
};

/** Reads what proves who the old agent was. @throws ImportError */
export async function takeSecret(mode: string, secret: OldSecret): Promise<readonly TakenSecret[]> {
  switch (secret.kind) {
    case 'connection-string': {
      const { line, certificate } = secret;
      const key = 'identity.connectionStringFile';
      const named = { key, name: secretNames.moduleConnection, content: `${line}\n` } as const;
      if (certificate === undefined) return [named];
      return [
        named,
        await takeCertificate(certificate.path),
        {
          key: 'identity.privateKeyFile',
          name: secretNames.privateKey,
          content: await readSecret(certificate.keyPath),
          from: certificate.keyPath,
        },
      ];
    }
    case 'key':
      return [
        {
          key: 'identity.keyFile',
          name: keyNames[mode] ?? secretNames.moduleKey,
          content: `${await readKey(secret.path)}\n`,
          from: secret.path,
        },
      ];
    case 'certificate':
      return [await takeCertificate(secret.path, true)];
  }
}

/** Both agents trim the key; the C agent reads its first line, the C# agent takes nothing but a key. */
async function readKey(path: string): Promise<string> {
  const text = (await readSecret(path)).toString('utf8').replace(/^\uFEFF/, '');
  const key = (text.trim().split('\n', 1)[0] ?? '').trim();
  if (isBase64(key) && !isCutShort(key)) return key;
  const fault = isBase64(key)
    ? `holds a key ${cutShort}`
    : 'does not hold a key in base64 on its first line';
  throw new ImportError(`${path} ${fault}; name in the old configuration the file of the key`);
}

/** PEM, or PKCS#12, told by what is in it: the old agents went by the name. */
async function takeCertificate(path: string, withKey = false): Promise<TakenSecret> {
  const content = await readSecret(path);
  const key = 'identity.certificateFile';
  const text = content.toString('latin1');
  if (!text.includes('-----BEGIN ')) {
    if (isDer(content)) return { key, name: secretNames.pkcs12, content, from: path };
    throw new ImportError(`${path} holds neither a certificate in PEM nor PKCS#12`);
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----'))
    throw new ImportError(`${path} holds PEM, but no certificate`);
  if (withKey && !/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text))
    throw new ImportError(
      `${path} holds a certificate without its private key, with which the old agent could not connect either; put the private key behind it`,
    );
  return { key, name: secretNames.certificate, content, from: path };
}

/** A DER sequence of more than 127 bytes. */
function isDer(content: Uint8Array): boolean {
  return content[0] === 0x30 && ((content[1] ?? 0) & 0x80) !== 0;
}

async function readSecret(path: string): Promise<Buffer> {
  try {
    return (await readBoundedFile(path, largestBytes)).bytes;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    throw new ImportError(
      `${path.replace(keyAtEnd, '***')}, where the old agent has its secret, ${error.message}`,
    );
  }
}

/** The key itself, pasted where its file is to be named: base64 of 16 bytes or more, with the padding that no path has. */
const keyAtEnd = /[A-Za-z0-9+/]{21,}={1,2}$/;
