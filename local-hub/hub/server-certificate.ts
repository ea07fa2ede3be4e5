import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { reasonOf } from '../../base/errors.js';
import { replaceFileSync } from '../../base/replace-file.js';
import { Authority, lifetime } from './certificates.js';

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

function writeKeyAndCertificate(
  directory: string,
  name: string,
  made: { readonly certificatePem: string; readonly privateKeyPem: string },
): void {
  replaceFileSync(join(directory, `${name}.key.pem`), made.privateKeyPem, 0o600);
  replaceFileSync(join(directory, `${name}.pem`), made.certificatePem, 0o644);
}

async function makeAuthority(directory: string, nowMs: number): Promise<Authority> {
  const name = 'iot-security-agent local hub CA';
  const authority = await Authority.create(name, lifetime(caLifeDays, nowMs));
  const { certificatePem } = authority;
  const privateKeyPem = await authority.privateKeyPem();
  writeKeyAndCertificate(directory, 'ca', { certificatePem, privateKeyPem });
  return authority;
}

async function readAuthority(directory: string): Promise<Authority> {
  const text = (name: string): string => readFileSync(join(directory, name), 'utf8');
  return Authority.open(text('ca.pem'), text('ca.key.pem'));
}

async function makeServer(
  authority: Authority,
  directory: string,
  names: readonly string[],
  nowMs: number,
): Promise<void> {
  const made = await authority.issueServer(
    [
      { type: 'dns', value: 'localhost' },
      ...names.map((value) => ({ type: 'dns' as const, value })),
      { type: 'ip', value: '127.0.0.1' },
      { type: 'ip', value: '::1' },
    ],
    lifetime(serverLifeDays, nowMs),
  );
  writeKeyAndCertificate(directory, 'server', made);
}

function stillGood(certificatePem: string, names: readonly string[], nowMs: number): boolean {
  const certificate = new X509Certificate(certificatePem);
  const leftMs = Date.parse(certificate.validTo) - nowMs;
  const isForAll = names.every((name) => certificate.checkHost(name) !== undefined);
  return isForAll && leftMs > renewalMarginDays * dayMs;
}

function usable(directory: string, name: string, names: readonly string[], nowMs: number): boolean {
  const key = join(directory, `${name}.key.pem`);
  const certificate = join(directory, `${name}.pem`);
  if (!existsSync(key) || !existsSync(certificate)) return false;
  try {
    return stillGood(readFileSync(certificate, 'utf8'), names, nowMs);
  } catch {
    return false; // not a certificate: made anew like an absent one
  }
}

/**
 * Gives the server certificate for `localhost`, `127.0.0.1`, `::1` and the hosts of `names` from `directory`; makes it,
 * and the authority that signs it, when absent, unreadable as a certificate, for other names, or about to expire. Keys
 * have mode 0600.
 */
export async function ensureCertificates(
  directory: string,
  nowMs = Date.now(),
  names: readonly string[] = [],
): Promise<ServerCertificate> {
  // A name may come with a port, which a certificate does not have.
  const hosts = names.map((name) => name.replace(/:\d+$/, ''));
  if (!usable(directory, 'ca', [], nowMs)) {
    await makeServer(await makeAuthority(directory, nowMs), directory, hosts, nowMs);
  } else if (!usable(directory, 'server', hosts, nowMs)) {
    await makeServer(await readAuthority(directory), directory, hosts, nowMs);
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
export async function openCertificates(
  directory: string,
  names: readonly string[] = [],
): Promise<ServerCertificate> {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return await ensureCertificates(directory, Date.now(), names);
  } catch (error) {
    const cause = reasonOf(error);
    throw new Error(
      `The state directory ${directory} of the local hub cannot be used (${cause}); choose another.`,
      { cause: error },
    );
  }
}
