import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Finding } from '../../../agent/doctor/finding.js';
import { checkIdentity, validityFinding } from '../../../agent/doctor/identity.js';
import { checkPermissions } from '../../../agent/doctor/permissions.js';
import { parseLocalSettings } from '../../../config/parse-local-settings.js';
import type { LocalSettings } from '../../../config/local-settings.js';
import { lifetime, selfSigned } from '../../../local-hub/hub/certificates.js';
import { ProvisioningService } from '../../../local-hub/services/provisioning.js';
import { startHub } from '../../support/hub-fixture.js';

const ownUid = process.geteuid?.() ?? 0;
const self = { ids: { uid: ownUid, gids: [process.getegid?.() ?? 0] }, isOfUnit: false };
const dayMs = 86_400_000;

let directory = '';
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'doctor-'))));
afterEach(() => rmSync(directory, { recursive: true }));

function put(name: string, content: string, mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

function settingsOf(identity: object, others: object = {}): LocalSettings {
  const stateDirectory = join(directory, 'state');
  mkdirSync(stateDirectory, { recursive: true });
  const text = JSON.stringify({
    identity,
    stateDirectory,
    runtimeDirectory: join(directory, 'run'),
    requestTimeout: 'PT2S',
    ...others,
  });
  const read = parseLocalSettings(text, 'agent.json');
  if ('problems' in read) throw new Error(JSON.stringify(read.problems));
  return read.settings;
}

const told = (findings: readonly Finding[]): string =>
  findings.map(({ check, verdict, found }) => `${check} ${verdict}: ${found}`).join('\n');

const who = { hostName: 'hub.example', deviceId: 'device-1' };
const wrong = (findings: readonly Finding[]) =>
  findings.filter(({ verdict }) => verdict === 'mend');

describe('the identity', () => {
  it('with a key is told as that', async () => {
    const keyFile = put('key', 'c2VjcmV0LXNlY3JldC1zZWNyZXQ=\n');
    const { credentials, findings } = await checkIdentity(
      settingsOf({ ...who, keyFile }),
      self,
      {},
    );
    expect(told(findings)).toBe(
      'identity ok: the credentials of device-1/azureiotsecurity at hub.example can be read (mode module, a symmetric key)',
    );
    expect(credentials?.deviceId).toBe('device-1');
  });

  it('with a certificate says how long that is valid', async () => {
    const { certificatePem, privateKeyPem } = await selfSigned({
      commonName: 'device-1/azureiotsecurity',
      validity: lifetime(100),
    });
    const certificateFile = put('certificate.pem', certificatePem + privateKeyPem);
    const { findings } = await checkIdentity(settingsOf({ ...who, certificateFile }), self, {});
    expect(told(findings)).toMatch(
      /^identity ok: .*a certificate\)\ncertificate ok: .*for 99 more days/,
    );
  });

  it('with a certificate that has ended is to be mended', async () => {
    const { certificatePem, privateKeyPem } = await selfSigned({
      commonName: 'device-1/azureiotsecurity',
      validity: {
        notBefore: new Date(Date.now() - 9 * dayMs),
        notAfter: new Date(Date.now() - dayMs),
      },
    });
    const certificateFile = put('certificate.pem', certificatePem + privateKeyPem);
    const { credentials, findings } = await checkIdentity(
      settingsOf({ ...who, certificateFile }),
      self,
      {},
    );
    expect(told(findings)).toMatch(
      /^identity mend: .*has expired[^]*\ncertificate mend: .*ended on/,
    );
    expect(credentials).toBeUndefined();
  });

  it('of the device is used to ask the hub for the key of the module, which is told', async () => {
    const hub = await startHub();
    const device = hub.registerDevice('device-1');
    hub.registerModule('device-1');
    const identity = {
      mode: 'device',
      hostName: device.hubName,
      deviceId: 'device-1',
      restEndpoint: `localhost:${hub.httpsPort}`,
    };
    const trusted = { trustedCaFile: hub.caFile };
    const settings = settingsOf(
      { ...identity, keyFile: put('key', `${device.primaryKey}\n`) },
      trusted,
    );
    expect(told((await checkIdentity(settings, self, {})).findings)).toMatch(
      /ok: .*\(mode device, /,
    );
    const other = Buffer.alloc(32, 'other').toString('base64');
    const refused = settingsOf({ ...identity, keyFile: put('other', `${other}\n`) }, trusted);
    const { findings, refusedBy } = await checkIdentity(refused, self, {});
    expect(told(findings)).toMatch(
      /mend: .*refused the key of the device.*\[Authentication \/ Unauthorized\]/,
    );
    // Whose clock is to be compared.
    expect(refusedBy?.hostName).toMatch(/^localhost/);
  });

  it('that IoT Edge gives to the user of the agent alone is not asked for by another', async () => {
    const agent = { ids: { uid: ownUid + 1, gids: [] }, isOfUnit: true };
    const identitySocket = join(directory, 'identityd.sock');
    const settings = settingsOf({ mode: 'edge', edge: { identitySocket } });
    const { findings } = await checkIdentity(settings, agent, {});
    expect(findings).toMatchObject([
      {
        verdict: 'unknown',
        remedy: expect.stringContaining(`sudo -u '#${ownUid + 1}'`) as unknown,
      },
    ]);
    expect(told((await checkIdentity(settings, self, {})).findings)).toMatch(
      /identity mend: .*identityd\.sock/,
    );
  });

  it('of an enrolment is looked up, registers nothing, and leaves nothing in the state directory', async () => {
    const hub = await startHub();
    const dps = await ProvisioningService.start({ tls: hub.tls });
    onTestFinished(() => dps.stop());
    const calls: string[] = [];
    dps.onCall(({ method, status }) => void calls.push(`${method} ${status}`));
    const key = dps.enrolDevice('gateway-17', { hub, deviceId: 'device-1' });
    const settings = settingsOf(
      {
        mode: 'dps',
        keyFile: put('key', `${key}\n`),
        restEndpoint: `localhost:${hub.httpsPort}`,
        dps: {
          endpoint: `localhost:${dps.port}`,
          idScope: dps.idScope,
          registrationId: 'gateway-17',
          register: true,
        },
      },
      { trustedCaFile: hub.caFile },
    );
    expect(told((await checkIdentity(settings, self, {})).findings)).toMatch(
      /^identity mend: .*Not Found/,
    );
    await dps.provision('gateway-17');
    hub.registerModule('device-1');
    expect(told((await checkIdentity(settings, self, {})).findings)).toMatch(
      /^identity ok: .*device-1\/azureiotsecurity .*\(mode dps, a symmetric key\)/,
    );
    expect(calls).toEqual(['POST 404', 'POST 200']);
    expect(readdirSync(settings.stateDirectory)).toEqual([]);
  });
});

describe('a certificate', () => {
  it.each([
    [100, 'ok'],
    [29, 'note'],
    [8, 'note'],
    [6, 'mend'],
    [0, 'mend'],
    [-2, 'mend'],
  ])('with %i days left', (days, verdict) => {
    const nowMs = Date.UTC(2026, 0, 1);
    expect(validityFinding('c.pem', nowMs + days * dayMs, nowMs).verdict).toBe(verdict);
  });

  it('alone may be read by everybody, and with its key by nobody else', async () => {
    const { certificatePem, privateKeyPem } = await selfSigned({ commonName: 'device-1' });
    const configFile = put('agent.json', '', 0o640);
    const privateKeyFile = put('certificate.key', privateKeyPem);
    const certificateFile = put('certificate.pem', certificatePem, 0o644);
    const apart = settingsOf({ ...who, certificateFile, privateKeyFile });
    expect(wrong(await checkPermissions(configFile, apart, self))).toEqual([]);
    put('certificate.pem', certificatePem, 0o666);
    expect(told(wrong(await checkPermissions(configFile, apart, self)))).toMatch(
      /could change who this device is/,
    );
    put('certificate.pem', certificatePem + privateKeyPem, 0o644);
    expect(
      told(
        wrong(await checkPermissions(configFile, settingsOf({ ...who, certificateFile }), self)),
      ),
    ).toMatch(/certificate\.pem .*could read or change the secret/);
  });
});
