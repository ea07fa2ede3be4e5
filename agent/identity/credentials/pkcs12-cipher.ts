import { createDecipheriv, createHash, pbkdf2Sync } from 'node:crypto';
import { derContent, derInside, derInteger, derObject, derTags, type DerValue } from './der.js';

/** It is encrypted in a way that is not known here. */
export class UnknownCipher extends Error {
  override readonly name = 'UnknownCipher';
}

/** A password is to be made a key in so many rounds that the process would do nothing else for long. */
export class TooManyRounds extends Error {
  override readonly name = 'TooManyRounds';
}

/** Programs that export certificates take a few thousand, the most careful ones 600 000. */
export const mostRounds = 1_000_000;

/** DER of object identifiers, in hexadecimal. */
const pbes2 = '2a864886f70d01050d';
const pbkdf2 = '2a864886f70d01050c';
const tripleDesOfPkcs12 = '2a864886f70d010c0103';

const pseudoRandom: Readonly<Record<string, string>> = {
  '2a864886f70d0207': 'sha1',
  '2a864886f70d0209': 'sha256',
  '2a864886f70d020a': 'sha384',
  '2a864886f70d020b': 'sha512',
};

const ciphers: Readonly<Record<string, { readonly name: string; readonly keyBytes: number }>> = {
  '60864801650304012a': { name: 'aes-256-cbc', keyBytes: 32 },
  '608648016503040116': { name: 'aes-192-cbc', keyBytes: 24 },
  '608648016503040102': { name: 'aes-128-cbc', keyBytes: 16 },
  '2a864886f70d0307': { name: 'des-ede3-cbc', keyBytes: 24 },
};

/**
 * Decrypts what a password protects in PKCS#12: PBES2 (RFC 8018 §6.2), or triple DES with the older way to make a key
 * (RFC 7292 appendix B and C).
 * @throws UnknownCipher, DerError, and what OpenSSL says
 */
export function decrypt(
  algorithm: DerValue | undefined,
  encrypted: Buffer,
  password: string,
): Buffer {
  const [object, parameters] = derInside(algorithm, derTags.sequence);
  switch (derObject(object)) {
    case pbes2:
      return decryptPbes2(parameters, encrypted, password);
    case tripleDesOfPkcs12: {
      const [salt, rounds] = derInside(parameters, derTags.sequence);
      const made = (purpose: number, length: number): Buffer =>
        keyOfPkcs12(
          password,
          derContent(salt, derTags.octetString),
          boundedRounds(rounds),
          purpose,
          length,
        );
      return deciphered('des-ede3-cbc', made(1, 24), made(2, 8), encrypted);
    }
    default:
      throw new UnknownCipher();
  }
}

function decryptPbes2(
  parameters: DerValue | undefined,
  encrypted: Buffer,
  password: string,
): Buffer {
  const [derivation, scheme] = derInside(parameters, derTags.sequence);
  const [derivationObject, derivationParameters] = derInside(derivation, derTags.sequence);
  if (derObject(derivationObject) !== pbkdf2) throw new UnknownCipher();
  const [salt, rounds, ...others] = derInside(derivationParameters, derTags.sequence);
  // The length of the key may stand before the function, which is SHA-1 when it is left out.
  const functionOf = others.find(({ tag }) => tag === derTags.sequence);
  const digest =
    functionOf === undefined
      ? 'sha1'
      : pseudoRandom[derObject(derInside(functionOf, derTags.sequence)[0])];
  const [cipherObject, iv] = derInside(scheme, derTags.sequence);
  const cipher = ciphers[derObject(cipherObject)];
  if (digest === undefined || cipher === undefined) throw new UnknownCipher();
  const key = pbkdf2Sync(
    password,
    derContent(salt, derTags.octetString),
    boundedRounds(rounds),
    cipher.keyBytes,
    digest,
  );
  return deciphered(cipher.name, key, derContent(iv, derTags.octetString), encrypted);
}

function deciphered(name: string, key: Buffer, iv: Buffer, encrypted: Buffer): Buffer {
  const decipher = createDecipheriv(name, key, iv);
  return Buffer.concat([decipher.update(encrypted), decipher.final()]);
}

/** @throws TooManyRounds, DerError */
export function boundedRounds(value: DerValue | undefined): number {
  const rounds = derInteger(value);
  if (rounds > mostRounds) throw new TooManyRounds();
  return Math.max(1, rounds);
}

/** Both of SHA-1, in bytes. */
const blockBytes = 64;

/** RFC 7292 appendix B.2 with SHA-1. `purpose` is 1 for a key and 2 for an initial vector. */
function keyOfPkcs12(
  password: string,
  salt: Buffer,
  rounds: number,
  purpose: number,
  length: number,
): Buffer {
  // UTF-16, the higher byte first, with a zero at its end (B.1).
  const bytes = Buffer.from(`${password}\0`, 'utf16le').swap16();
  const input = Buffer.concat([repeated(salt), repeated(bytes)]);
  const diversifier = Buffer.alloc(blockBytes, purpose);
  const made: Buffer[] = [];
  for (let done = 0; done < length;) {
    let block: Buffer = createHash('sha1').update(diversifier).update(input).digest();
    for (let round = 1; round < rounds; round++) block = createHash('sha1').update(block).digest();
    made.push(block);
    done += block.length;
    addToBlocks(input, block);
  }
  return Buffer.concat(made).subarray(0, length);
}

/** Copies of it that fill whole blocks. */
function repeated(bytes: Buffer): Buffer {
  if (bytes.length === 0) return bytes;
  return Buffer.alloc(Math.ceil(bytes.length / blockBytes) * blockBytes, bytes);
}

/** Adds the hash, repeated to a block, and one to every block of `input`, as numbers without carry out of the block. */
function addToBlocks(input: Buffer, hash: Buffer): void {
  const addend = Buffer.alloc(blockBytes, hash);
  for (let start = 0; start < input.length; start += blockBytes) {
    let carry = 1;
    for (let at = blockBytes - 1; at >= 0; at--) {
      carry += (input[start + at] ?? 0) + (addend[at] ?? 0);
      input[start + at] = carry & 0xff;
      carry >>= 8;
    }
  }
}
