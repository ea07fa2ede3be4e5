import { createPrivateKey, type KeyObject } from 'node:crypto';
import { foundInstead, isEncrypted, isPrivateKey, type PemBlock } from './pem.js';

/** `fault` completes "<file> …" and shows nothing of the file. */
export interface PemFault {
  readonly fault: string;
}

/** The one private key among the blocks of a file that is to hold one, decrypted. */
export function privateKeyIn(
  blocks: readonly PemBlock[],
  bytes: Buffer,
  password: string | undefined,
): KeyObject | PemFault {
  const found = blocks.filter(isPrivateKey);
  const [block] = found;
  if (block === undefined) return { fault: missing(foundInstead(blocks, bytes)) };
  if (found.length > 1)
    return { fault: 'holds several private keys; leave only that of the certificate' };
  // Without a password OpenSSL would ask whoever sits at the terminal.
  if (isEncrypted(block) && password === undefined) return { fault: encrypted };
  try {
    return createPrivateKey({
      key: block.text,
      ...(password === undefined ? {} : { passphrase: password }),
    });
  } catch {
    return { fault: isEncrypted(block) ? wrongPassword : damaged };
  }
}

function missing(found: string): string {
  const remedies: Readonly<Record<string, string>> = {
    DER: 'convert it to PEM with: openssl pkey -inform der -in FILE -out FILE.pem',
    'a certificate': 'name it in identity.certificateFile, and the private key here',
  };
  const remedy = remedies[found] ?? 'expected is text with -----BEGIN PRIVATE KEY----- in it';
  return `holds ${found}, not a private key; ${remedy}`;
}

const encrypted =
  'holds a private key that is encrypted; name a file with its password in identity.privateKeyPasswordFile';
const damaged = 'holds a private key that cannot be read; copy the file again';
/** A wrong password may also give a padding that fits, and then something that is no key. */
const wrongPassword =
  'holds a private key that does not open with the password in identity.privateKeyPasswordFile; correct that file';
