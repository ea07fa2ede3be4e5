import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import {
  derContent,
  DerError,
  derInside,
  derInteger,
  derObject,
  derTags,
  derValue,
  type DerValue,
} from './der.js';
import { boundedRounds, decrypt, mostRounds, TooManyRounds } from './pkcs12-cipher.js';
import { inOrder } from './certificate-order.js';

/** What a PKCS#12 file holds. A secret. */
export interface Pkcs12Content {
  /** PEM, the one of the key first. */
  readonly certificatePem: string;
  /** PKCS#8 in PEM, not encrypted. */
  readonly privateKeyPem: string;
}

/** `fault` completes "<file> …". */
interface Fault {
  readonly fault: string;
}

/** DER of the object identifiers, in hexadecimal (RFC 7292, RFC 2315, RFC 2985). */
const objects = {
  data: '2a864886f70d010701',
  encryptedData: '2a864886f70d010706',
  keyBag: '2a864886f70d010c0a0101',
  shroudedKeyBag: '2a864886f70d010c0a0102',
  certificateBag: '2a864886f70d010c0a0103',
  x509Certificate: '2a864886f70d01091601',
};

/** Whether the bytes begin like PKCS#12: a sequence whose first member is the version 3 (RFC 7292 §4). */
export function isPkcs12(bytes: Buffer): boolean {
  try {
    const [first] = bytes;
    if (first !== derTags.sequence) return false;
    // Of a length that is not told, too: OpenSSL says what is wrong.
    const start = bytes[1] === 0x80 ? 2 : derStart(bytes);
    return bytes.subarray(start, start + 3).equals(Buffer.from([derTags.integer, 1, 3]));
  } catch {
    return false;
  }
}

function derStart(bytes: Buffer): number {
  const value = derValue(bytes);
  return value.whole.length - value.content.length;
}

/**
 * Takes key and certificates out of a PKCS#12 file (RFC 7292). OpenSSL checks the password and that nothing was changed;
 * it has no way to hand the parts out, which are found here.
 */
export function readPkcs12(bytes: Buffer, password: string | undefined): Pkcs12Content | Fault {
  let bags: Bags | undefined;
  try {
    bags = tryBags(bytes, password ?? '');
  } catch {
    return { fault: tooManyRounds };
  }
  let refusal: unknown;
  try {
    createSecureContext({ pfx: bytes, passphrase: password ?? '' });
  } catch (error) {
    refusal = error;
  }
  // OpenSSL refuses that without a reason.
  if (bags?.keys.length === 0) {
    return { fault: 'holds no private key; export the certificate again, with its key' };
  }
  if (refusal !== undefined) return { fault: openSslFault(refusal, password !== undefined) };
  const [key] = bags?.keys ?? [];
  if (bags === undefined || key === undefined) return { fault: convert };
  const certificates = inOrder(bags.certificates, key);
  if (certificates === undefined) {
    return { fault: 'holds no certificate for the private key in it; export it again' };
  }
  return {
    certificatePem: certificates.map((certificate) => certificate.toString()).join(''),
    privateKeyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/**
 * Undefined where they cannot be read; the reasons of OpenSSL may tell of what is in them.
 * @throws TooManyRounds, before OpenSSL would begin them
 */
function tryBags(bytes: Buffer, password: string): Bags | undefined {
  try {
    const [, , mac] = derInside(derValue(bytes), derTags.sequence);
    if (mac !== undefined) {
      const [, , rounds] = derInside(mac, derTags.sequence);
      if (rounds !== undefined) boundedRounds(rounds);
    }
    return safeBags(bytes, password);
  } catch (error) {
    if (error instanceof TooManyRounds) throw error;
    return undefined;
  }
}

const tooManyRounds = `asks for more than ${mostRounds} rounds to make a key of the password; export it again with fewer`;

const convert =
  'is PKCS#12 of a kind that this version cannot read; convert it with: openssl pkcs12 -in FILE -out FILE.pem -nodes';

function openSslFault(error: unknown, hadPassword: boolean): string {
  const text = error instanceof Error ? error.message : '';
  if (/mac verify|password|decrypt/i.test(text)) {
    return hadPassword
      ? 'does not open with the password in identity.privateKeyPasswordFile; correct that file'
      : 'is protected by a password; name a file that holds it in identity.privateKeyPasswordFile';
  }
  if (/unsupported/i.test(text)) {
    return 'is encrypted in a way that is no longer taken (RC2, as older programs write it); convert it with: openssl pkcs12 -legacy -in FILE -out FILE.pem -nodes';
  }
  return 'begins like PKCS#12 but cannot be read; copy or export it again';
}

interface Bags {
  readonly keys: ReturnType<typeof createPrivateKey>[];
  readonly certificates: X509Certificate[];
}

function safeBags(bytes: Buffer, password: string): Bags {
  const [, authenticated] = derInside(derValue(bytes), derTags.sequence);
  const bags: Bags = { keys: [], certificates: [] };
  const safes = derInside(derValue(dataOf(authenticated)), derTags.sequence);
  for (const safe of safes) {
    const contents = isOf(safe, objects.encryptedData)
      ? decryptedData(safe, password)
      : dataOf(safe);
    for (const bag of derInside(derValue(contents), derTags.sequence)) takeBag(bag, password, bags);
  }
  return bags;
}

function takeBag(bag: DerValue, password: string, { certificates, keys }: Bags): void {
  const [type, wrapped] = derInside(bag, derTags.sequence);
  const value = derValue(derContent(wrapped, derTags.context0));
  switch (derObject(type)) {
    case objects.keyBag:
      keys.push(createPrivateKey({ key: value.whole, format: 'der', type: 'pkcs8' }));
      return;
    case objects.shroudedKeyBag: {
      const [algorithm, encrypted] = derInside(value, derTags.sequence);
      const key = decrypt(algorithm, derContent(encrypted, derTags.octetString), password);
      keys.push(createPrivateKey({ key, format: 'der', type: 'pkcs8' }));
      return;
    }
    case objects.certificateBag: {
      const [kind, certificate] = derInside(value, derTags.sequence);
      if (derObject(kind) !== objects.x509Certificate) return;
      const octets = derValue(derContent(certificate, derTags.context0));
      certificates.push(new X509Certificate(derContent(octets, derTags.octetString)));
    }
  }
}

function isOf(contentInfo: DerValue, type: string): boolean {
  return derObject(derInside(contentInfo, derTags.sequence)[0]) === type;
}

/** The bytes of a ContentInfo of the type data (RFC 2315 §8). */
function dataOf(contentInfo: DerValue | undefined): Buffer {
  const [type, wrapped] = derInside(contentInfo, derTags.sequence);
  if (derObject(type) !== objects.data) throw new DerError('content');
  return derContent(derValue(derContent(wrapped, derTags.context0)), derTags.octetString);
}

/** Of one of the type encryptedData (RFC 2315 §13). */
function decryptedData(contentInfo: DerValue, password: string): Buffer {
  const [, wrapped] = derInside(contentInfo, derTags.sequence);
  const [version, info] = derInside(
    derValue(derContent(wrapped, derTags.context0)),
    derTags.sequence,
  );
  derInteger(version);
  const [, algorithm, encrypted] = derInside(info, derTags.sequence);
  return decrypt(algorithm, derContent(encrypted, derTags.implicit0), password);
}
