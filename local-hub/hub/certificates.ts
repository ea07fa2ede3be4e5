import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { reasonOf } from '../../base/errors.js';
import { replaceFileSync } from '../../base/replace-file.js';

const dayMs = 86_400_000;
const caLifeDays = 3650;
const serverLifeDays = 397;
/** A certificate with less left than this is made anew at the next start. */
const renewalMarginDays = 30;

/** TLS material of the stand-in hub, all PEM. */
export interface ServerCertificate {
  /** File that a client has to trust; it stays the same while the authority is valid. */
  readonly caFile: string;
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

interface KeyAndCertificate {
  readonly certificate: x509.X509Certificate;
  readonly privateKey: webcrypto.CryptoKey;
}

function pem(label: string, bytes: ArrayBuffer): string {
  const lines = Buffer.from(bytes)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

function lifetime(days: number, nowMs: number): { notBefore: Date; notAfter: Date } {
  // A day back, so that a device whose clock is behind can still connect.
  return { notBefore: new Date(nowMs - dayMs), notAfter: new Date(nowMs + days * dayMs) };
}

async function createAuthority(nowMs: number): Promise<KeyAndCertificate> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=iot-security-agent local hub CA',
    keys,
    signingAlgorithm: algorithm,
    ...lifetime(caLifeDays, nowMs),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, privateKey: keys.privateKey };
}

async function createServerCertificate(
  authority: KeyAndCertificate,
  nowMs: number,
): Promise<KeyAndCertificate> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=localhost',
    issuer: authority.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: authority.privateKey,
    signingAlgorithm: algorithm,
    ...lifetime(serverLifeDays, nowMs),
    extensions: [
      new x509.BasicConstraintsExtension(false),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: '::1' },
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate),
    ],
  });
  return { certificate, privateKey: keys.privateKey };
}

function stillValid(certificatePem: string, nowMs: number): boolean {
  const { notAfter } = new x509.X509Certificate(certificatePem);
  return notAfter.getTime() - nowMs > renewalMarginDays * dayMs;
}

async function writeKeyAndCertificate(
  directory: string,
  name: string,
  made: KeyAndCertificate,
): Promise<void> {
  const key = await webcrypto.subtle.exportKey('pkcs8', made.privateKey);
  replaceFileSync(join(directory, `${name}.key.pem`), pem('PRIVATE KEY', key), 0o600);
  replaceFileSync(join(directory, `${name}.pem`), `${made.certificate.toString('pem')}\n`, 0o644);
}

async function readAuthority(directory: string): Promise<KeyAndCertificate> {
  const pkcs8 = x509.PemConverter.decodeFirst(readFileSync(join(directory, 'ca.key.pem'), 'utf8'));
  const certificate = new x509.X509Certificate(readFileSync(join(directory, 'ca.pem'), 'utf8'));
  const privateKey = await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']);
  return { certificate, privateKey };
}

function usable(directory: string, name: string, nowMs: number): boolean {
  const key = join(directory, `${name}.key.pem`);
  const certificate = join(directory, `${name}.pem`);
  if (!existsSync(key) || !existsSync(certificate)) return false;
  try {
    return stillValid(readFileSync(certificate, 'utf8'), nowMs);
  } catch {
    return false; // not a certificate: made anew like an absent one
  }
}

/**
 * Gives the server certificate for `localhost`, `127.0.0.1` and `::1` from `directory`; makes it, and the authority
 * that signs it, when absent, unreadable as a certificate, or about to expire. Keys have mode 0600.
 */
export async function ensureCertificates(
  directory: string,
  nowMs = Date.now(),
): Promise<ServerCertificate> {
  if (!usable(directory, 'ca', nowMs)) {
    const authority = await createAuthority(nowMs);
    await writeKeyAndCertificate(directory, 'ca', authority);
    await writeKeyAndCertificate(
      directory,
      'server',
      await createServerCertificate(authority, nowMs),
    );
  } else if (!usable(directory, 'server', nowMs)) {
    const authority = await readAuthority(directory);
    await writeKeyAndCertificate(
      directory,
      'server',
      await createServerCertificate(authority, nowMs),
    );
  }
  chmodSync(join(directory, 'ca.key.pem'), 0o600);
  chmodSync(join(directory, 'server.key.pem'), 0o600);
  return {
    caFile: join(directory, 'ca.pem'),
    certificatePem: readFileSync(join(directory, 'server.pem'), 'utf8'),
    privateKeyPem: readFileSync(join(directory, 'server.key.pem'), 'utf8'),
  };
}

/** {@link ensureCertificates} in a directory that is made when absent; rejects with a sentence when it cannot be used. */
export async function openCertificates(directory: string): Promise<ServerCertificate> {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return await ensureCertificates(directory);
  } catch (error) {
    const cause = reasonOf(error);
    throw new Error(
      `The state directory ${directory} of the local hub cannot be used (${cause}); choose another.`,
      { cause: error },
    );
  }
}
