import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createCredentialSource } from '../../../agent/identity/credential-source.js';
import { CredentialError } from '../../../agent/identity/credentials/credential-error.js';
import type { CertificateProof } from '../../../agent/identity/credentials/credentials.js';
import { readPkcs12 } from '../../../agent/identity/credentials/pkcs12.js';
import { surroundingsOf } from '../../../agent/identity/modes/surroundings.js';
import { parseLocalSettings } from '../../../config/parse-local-settings.js';
import {
  Authority,
  encryptKey,
  lifetime,
  selfSigned,
  type IssuedCertificate,
} from '../../../local-hub/hub/certificates.js';

const dayMs = 86_400_000;
const commonName = 'device-1/azureiotsecurity';
let directory = '';
let issued: IssuedCertificate;
let chained: IssuedCertificate;

beforeAll(async () => {
  issued = await selfSigned({ commonName });
  const root = await Authority.create('Root');
  const middle = await root.createIntermediate('Middle');
  chained = await middle.issue({ commonName });
});
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'certificate-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function put(content: string | Buffer, name: string, mode = 0o600): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  await chmod(path, mode);
  return path;
}

/** One of the files that OpenSSL 3.0 wrote: `openssl pkcs12 -export`, and `openssl ec -aes128`. */
async function captured(name: string): Promise<string> {
  const path = join(directory, name);
  await copyFile(join(import.meta.dirname, 'cases', name), path);
  await chmod(path, 0o600);
  return path;
}

function load(identity: Record<string, string>, nowMs = Date.now()) {
  const who = { hostName: 'hub.example', deviceId: 'device-1', ...identity };
  const text = JSON.stringify({ identity: 'connectionStringFile' in identity ? identity : who });
  const result = parseLocalSettings(text, 'agent.json');
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  const surroundings = { ...surroundingsOf({}, 1_000), hubTimeMs: () => nowMs };
  return createCredentialSource(result.settings, surroundings).current();
}

async function proofOf(identity: Record<string, string>): Promise<CertificateProof> {
  const { proof } = await load(identity);
  if (proof.kind !== 'certificate') throw new Error(proof.kind);
  return proof;
}

async function errorOf(identity: Record<string, string>, nowMs?: number): Promise<CredentialError> {
  try {
    await load(identity, nowMs);
  } catch (error) {
    if (error instanceof CredentialError) return error;
    throw error;
  }
  throw new Error('the certificate was accepted');
}

const subjects = (pem: string): readonly string[] =>
  (pem.match(/-----BEGIN[^-]*-----[^-]*-----END[^-]*-----/g) ?? []).map(
    (block) => new X509Certificate(block).subject,
  );
const fits = ({ certificatePem, privateKeyPem }: CertificateProof): boolean =>
  new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(privateKeyPem));

describe('a certificate in PEM', () => {
  test('may have its key in the same file, before or after it', async () => {
    for (const text of [
      issued.certificatePem + issued.privateKeyPem,
      `Bag Attributes\n${issued.privateKeyPem}# and\n${issued.certificatePem}`,
    ]) {
      const proof = await proofOf({ certificateFile: await put(text, 'both.pem') });
      expect(fits(proof)).toBe(true);
      expect(proof.validToMs).toBe(Math.floor(issued.validToMs / 1000) * 1000);
    }
  });

  test('may have its key in another file, and then be read by everybody', async () => {
    const certificateFile = await put(issued.certificatePem, 'certificate.pem', 0o644);
    const privateKeyFile = await put(issued.privateKeyPem, 'key.pem');
    expect(fits(await proofOf({ certificateFile, privateKeyFile }))).toBe(true);
    await chmod(certificateFile, 0o666);
    expect((await errorOf({ certificateFile, privateKeyFile })).message).toContain('chmod go-w');
    await chmod(certificateFile, 0o644);
    await chmod(privateKeyFile, 0o604);
    expect((await errorOf({ certificateFile, privateKeyFile })).kind).toBe('unsafe-mode');
    await put(issued.certificatePem + issued.privateKeyPem, 'certificate.pem', 0o644);
    expect((await errorOf({ certificateFile })).kind).toBe('unsafe-mode');
  });

  test('keeps those that lead to its authority, in their order', async () => {
    const { certificatePem } = await proofOf({
      certificateFile: await put(chained.certificatePem + chained.privateKeyPem, 'chain.pem'),
    });
    expect(subjects(certificatePem)).toEqual([`CN=${commonName}`, 'CN=Middle']);
  });

  test('may have its key under a password, in the present form and in the older one', async () => {
    const privateKeyPasswordFile = await put('secret \r\nsecond line', 'password');
    const key = encryptKey(issued.privateKeyPem, 'secret ');
    const certificateFile = await put(issued.certificatePem + key, 'both.pem');
    expect(fits(await proofOf({ certificateFile, privateKeyPasswordFile }))).toBe(true);
    await put('secret', 'password');
    const legacy = {
      certificateFile: await captured('legacy.pem'),
      privateKeyFile: await captured('legacy.key'),
    };
    expect(fits(await proofOf({ ...legacy, privateKeyPasswordFile }))).toBe(true);
    for (const form of [{ certificateFile }, legacy]) {
      expect((await errorOf(form)).message).toContain(
        'holds a private key that is encrypted; name a file with its password',
      );
      await put('wrong', 'password');
      const { message } = await errorOf({ ...form, privateKeyPasswordFile });
      expect(message).toContain(
        'does not open with the password in identity.privateKeyPasswordFile',
      );
      expect(message).not.toMatch(/wrong|secret/);
    }
  });

  test('is read again on each call, because certificates are replaced', async () => {
    const certificateFile = await put(issued.certificatePem + issued.privateKeyPem, 'c.pem');
    const before = await proofOf({ certificateFile });
    await put(chained.certificatePem + chained.privateKeyPem, 'c.pem');
    expect((await proofOf({ certificateFile })).certificatePem).not.toBe(before.certificatePem);
  });

  test('is handed on beside a connection string that says x509=true', async () => {
    const certificateFile = await put(issued.certificatePem + issued.privateKeyPem, 'c.pem');
    const text = 'HostName=hub.example;DeviceId=device-1;ModuleId=azureiotsecurity;x509=true';
    const connectionStringFile = await put(text, 'connection');
    expect(await load({ connectionStringFile, certificateFile })).toMatchObject({
      hostName: 'hub.example',
      moduleId: 'azureiotsecurity',
      proof: { kind: 'certificate' },
    });
    expect((await errorOf({ connectionStringFile })).message).toContain(
      'asks for a certificate (x509=true); name its file in identity.certificateFile',
    );
    await put(text.replace('x509=true', `SharedAccessKey=${'A'.repeat(44)}`), 'connection');
    expect((await errorOf({ connectionStringFile, certificateFile })).message).toContain(
      'holds a key; remove one of them',
    );
  });
});

describe('a certificate is refused, and nothing of the file is shown,', () => {
  const der = (): Buffer => new X509Certificate(issued.certificatePem).raw;
  const request = '-----BEGIN CERTIFICATE REQUEST-----\nTUlJ\n-----END CERTIFICATE REQUEST-----\n';
  const publicKey = '-----BEGIN PUBLIC KEY-----\nTUlJ\n-----END PUBLIC KEY-----\n';

  test.each<[string, () => string | Buffer, string]>([
    [
      'that is DER',
      der,
      'holds DER, not a certificate [Authentication / File Format]; convert it to PEM with: openssl x509',
    ],
    [
      'that is a request',
      () => request,
      'holds a request for a certificate (CSR), not a certificate; have an authority sign it',
    ],
    ['that is a public key', () => publicKey, 'holds a public key, not a certificate'],
    ['that is a private key', () => issued.privateKeyPem, 'name it in identity.privateKeyFile'],
    ['that is empty', () => '', 'holds nothing, not a certificate'],
    ['that is prose', () => 'TOP-SECRET', 'holds no PEM, not a certificate'],
    ['without a key', () => issued.certificatePem, 'holds no private key; name the file that does'],
    [
      'that is broken',
      () => issued.certificatePem.replace(/\nMII/, '\nMIJ') + issued.privateKeyPem,
      'its first certificate cannot be read',
    ],
    [
      'with the key of another',
      () => issued.certificatePem + chained.privateKeyPem,
      'do not belong together',
    ],
    [
      'with two keys',
      () => issued.certificatePem + issued.privateKeyPem.repeat(2),
      'several private keys',
    ],
    [
      'in the wrong order',
      () =>
        chained.certificatePem
          .split(/(?<=-----\n)(?=-----BEGIN)/)
          .reverse()
          .join('') + chained.privateKeyPem,
      'holds the certificate of the private key in place 2; put it first',
    ],
    [
      'in UTF-16',
      () => Buffer.from(`\uFEFF${issued.certificatePem}`, 'utf16le'),
      'is encoded in UTF-16',
    ],
  ])('%s', async (_, content, says) => {
    const certificateFile = await put(content(), 'c.pem');
    const { kind, message } = await errorOf({ certificateFile });
    expect(kind).toBe('malformed');
    expect(message).toContain(`identity.certificateFile: ${certificateFile} `);
    expect(message).toContain(says);
    expect(message).not.toMatch(/TOP-SECRET|MII|TUlJ/);
  });

  test.each<[string, () => string | Buffer, string]>([
    [
      'DER',
      () =>
        createPrivateKey(issued.privateKeyPem)
          .export({ type: 'sec1', format: 'der' })
          .fill(0x81, 1, 2),
      'openssl pkey -inform der',
    ],
    [
      'a certificate',
      () => issued.certificatePem,
      'holds a certificate, not a private key; name it in identity.certificateFile',
    ],
    ['a public key', () => publicKey, 'holds a public key, not a private key'],
    ['a request', () => request, 'holds a request for a certificate (CSR), not a private key'],
    [
      'a torn key',
      () => issued.privateKeyPem.replace(/\n.{20}/, '\n'),
      'holds a private key that cannot be read',
    ],
  ])('whose key file holds %s', async (_, content, says) => {
    const certificateFile = await put(issued.certificatePem, 'c.pem');
    const privateKeyFile = await put(content(), 'k.pem');
    const { message } = await errorOf({ certificateFile, privateKeyFile });
    expect(message).toContain(`identity.privateKeyFile: ${privateKeyFile} `);
    expect(message).toContain(says);
  });

  test.each([
    [
      'that has expired',
      -1,
      /was valid until \S+Z, and has expired by the clock of the device, which says/,
    ],
    [
      'that is not valid yet',
      30,
      /is valid from \S+Z on, and so not yet by the clock of the device/,
    ],
  ])('%s', async (_, days, says) => {
    const nowMs = Date.now();
    const validity = days < 0 ? lifetime(-0.5, nowMs) : lifetime(365, nowMs + days * dayMs);
    const { certificatePem, privateKeyPem } = await selfSigned({ commonName, validity });
    const certificateFile = await put(certificatePem + privateKeyPem, 'c.pem');
    const { kind, message } = await errorOf({ certificateFile }, nowMs);
    expect(kind).toBe('not-valid-now');
    expect(message).toMatch(says);
    // By a clock that is right it is as good as any other.
    await load({ certificateFile }, nowMs + (days < 0 ? -0.7 : days + 1) * dayMs);
  });
});

describe('PKCS#12', () => {
  test.each([
    ['modern.p12', 'secret'],
    ['empty-password.p12', undefined],
    ['triple-des.p12', 'geheim-ü'],
    ['triple-des-empty.p12', undefined],
    ['open.p12', 'secret'],
  ])(
    'as OpenSSL writes it gives the key, and the certificates from its own on: %s',
    async (name, password) => {
      const proof = await proofOf({
        certificateFile: await captured(name),
        ...(password === undefined
          ? {}
          : { privateKeyPasswordFile: await put(password, 'password') }),
      });
      expect(fits(proof)).toBe(true);
      expect(subjects(proof.certificatePem)).toEqual([
        `CN=${commonName}`,
        'CN=Test Intermediate',
        'CN=Test Root',
      ]);
    },
  );

  test.each([
    ['modern.p12', undefined, 'is protected by a password; name a file'],
    ['modern.p12', 'wrong', 'does not open with the password'],
    ['rc2.p12', 'secret', 'is encrypted in a way that is no longer taken (RC2'],
    ['many-rounds.p12', 'secret', 'asks for more than 1000000 rounds'],
    ['no-key.p12', 'secret', 'holds no private key; export the certificate again'],
  ])('%s with the password %s is refused', async (name, password, says) => {
    const certificateFile = await captured(name);
    const { message } = await errorOf({
      certificateFile,
      ...(password === undefined
        ? {}
        : { privateKeyPasswordFile: await put(password, 'password') }),
    });
    expect(message).toContain(`identity.certificateFile: ${certificateFile} ${says}`);
  });

  test('that is torn or was changed is refused with a sentence, at once', async () => {
    const whole = await readFile(await captured('modern.p12'));
    fc.assert(
      fc.property(
        fc.nat({ max: whole.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        (at, change, isTorn) => {
          const bytes = Buffer.from(isTorn ? whole.subarray(0, at) : whole);
          if (!isTorn) bytes[at] = (bytes[at] ?? 0) ^ change;
          const read = readPkcs12(bytes, 'secret');
          expect('fault' in read || 'privateKeyPem' in read).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('needs no key beside it', async () => {
    const { message } = await errorOf({
      certificateFile: await captured('modern.p12'),
      privateKeyFile: await put(issued.privateKeyPem, 'k.pem'),
      privateKeyPasswordFile: await put('secret', 'password'),
    });
    expect(message).toContain('is not needed, because');
  });
});
