import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ensureCertificates } from '../../../local-hub/hub/server-certificate.js';
import { temporaryDirectory } from '../../support/hub-fixture.js';

const dayMs = 86_400_000;

describe('certificates', () => {
  it('name localhost and both loopback addresses, and chain to the authority', async () => {
    const { caFile, certificatePem } = await ensureCertificates(temporaryDirectory());
    const server = new X509Certificate(certificatePem);
    const authority = new X509Certificate(readFileSync(caFile));
    expect(server.checkHost('localhost')).toBe('localhost');
    expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(server.checkIP('::1')).toBe('::1');
    expect(server.verify(authority.publicKey)).toBe(true);
    expect(authority.ca).toBe(true);
  });

  it('are made anew shortly before they expire, by the authority that clients know', async () => {
    const directory = temporaryDirectory();
    const first = await ensureCertificates(directory);
    const authority = readFileSync(first.caFile, 'utf8');
    const soonExpired = await ensureCertificates(directory, Date.now() + 380 * dayMs);
    expect(soonExpired.certificatePem).not.toBe(first.certificatePem);
    expect(readFileSync(soonExpired.caFile, 'utf8')).toBe(authority);
    const { publicKey } = new X509Certificate(authority);
    expect(new X509Certificate(soonExpired.certificatePem).verify(publicKey)).toBe(true);
  });

  it('that cannot be read are made anew', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'ca.pem'), 'torn');
    writeFileSync(join(directory, 'ca.key.pem'), 'torn');
    const { caFile } = await ensureCertificates(directory);
    expect(new X509Certificate(readFileSync(caFile)).ca).toBe(true);
  });
});
