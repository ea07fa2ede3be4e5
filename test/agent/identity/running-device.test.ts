import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { selfSigned } from '../../../local-hub/hub/certificates.js';
import { desired, quick } from '../../support/running-agent.js';
import { deviceId, IdentityFixture } from '../../support/running-identity.js';

let fixture: IdentityFixture;

beforeEach(async () => {
  fixture = new IdentityFixture();
  await fixture.startHub();
});

afterEach(() => fixture.close());

const reads: { status: number }[] = [];

/** @returns the secrets that nobody may read anywhere */
function configureDevice(key?: string): readonly string[] {
  const device = fixture.hub.registerDevice(deviceId);
  const module = fixture.hub.registerModule(deviceId);
  reads.length = 0;
  // The clock is compared with that of the hub by another request.
  fixture.hub.registryApi.onRead((read) => {
    if (read.path.startsWith('/devices/')) reads.push(read);
  });
  fixture.configure({
    requestTimeout: 'PT5S',
    logLevel: 'debug',
    identity: {
      mode: 'device',
      hostName: device.hubName,
      deviceId,
      gatewayHostName: device.gatewayHostName,
      restEndpoint: `localhost:${fixture.hub.httpsPort}`,
      keyFile: fixture.secret('device.key', key ?? device.primaryKey),
    },
  });
  return [device.primaryKey, module.primaryKey, module.secondaryKey];
}

describe('the running agent with the key of its device', () => {
  it('reads the key of the module from the hub once, and keeps it over lost connections', async () => {
    const secrets = configureDevice();
    await fixture.startAgent();
    await fixture.messageArrives();
    fixture.hub.dropConnections();
    await fixture.messageArrives();
    expect(reads).toMatchObject([{ status: 200 }]);
    fixture.keeps(...secrets);
  });

  it('takes the new key of a module whose keys were rolled', async () => {
    const secrets = configureDevice();
    await fixture.startAgent();
    await fixture.messageArrives();
    const rolled = fixture.hub.rollKeys(deviceId);
    await fixture.says(/refused the credentials/);
    // The pause before the registry is asked again is a minute or more.
    await expect
      .poll(
        () => {
          fixture.suspend(120_000);
          return reads.length;
        },
        { timeout: 20_000, interval: 500 },
      )
      .toBe(2);
    await fixture.messageArrives();
    fixture.keeps(...secrets, rolled.primaryKey, rolled.secondaryKey);
  });

  it('says so when that key is wrong, and what to look at', async () => {
    const wrong = Buffer.alloc(32, 'wrong key').toString('base64');
    const secrets = configureDevice(wrong);
    await fixture.startAgent();
    await fixture.says(
      /Could not read the module azureiotsecurity from the registry at localhost:\d+: it refused the key of the device; check that identity\.keyFile .*\[Authentication \/ Unauthorized\]/,
    );
    fixture.keeps(wrong, ...secrets);
  });

  it('signs with the time of the hub where the clock of the device is wrong', async () => {
    const secrets = configureDevice();
    fixture.setClock(-5 * 3_600_000);
    await fixture.startAgent();
    await fixture.says(/which is (5 h|4 h 59 min) .*behind the hub's/);
    await fixture.messageArrives();
    // Both forms of the token with the wrong time, and the one with the right time.
    expect(reads.map(({ status }) => status)).toEqual([401, 401, 200]);
    fixture.keeps(...secrets);
  });

  it('says so when the hub takes no keys of modules', async () => {
    const secrets = configureDevice();
    fixture.hub.registry.setModuleSasDisabled(true);
    await fixture.startAgent();
    // The primary key, then the secondary one.
    await fixture.says(/refused the credentials[^]*refused the credentials/);
    // The pause before the registry is asked again is a minute or more; a clock that is two minutes off is corrected.
    fixture.suspend(100_000);
    await fixture.says(
      /refuses the keys of the module that its own registry gives.*disableModuleSAS.*\[Authentication \/ Unauthorized\]/,
    );
    fixture.keeps(...secrets);
  });

  it('says what to do when the device has no such module, and goes on once it has', async () => {
    const device = fixture.hub.registerDevice('device-2');
    configureDevice();
    fixture.configure({
      identity: {
        mode: 'device',
        hostName: device.hubName,
        deviceId: 'device-2',
        gatewayHostName: device.gatewayHostName,
        restEndpoint: `localhost:${fixture.hub.httpsPort}`,
        keyFile: fixture.secret('device.key', device.primaryKey),
      },
    });
    await fixture.startAgent();
    await fixture.says(/the device device-2 has no module azureiotsecurity; add a module identity/);
    fixture.hub.registerModule('device-2');
    fixture.hub.patchDesired('device-2', desired(quick));
    fixture.suspend(120_000);
    await fixture.messageArrives();
    fixture.keeps(device.primaryKey, fixture.hub.registerModule('device-2').primaryKey);
  });
});

describe('the running agent with the certificate of its device', () => {
  it('reads the key of the module with it', async () => {
    const certificate = await selfSigned({ commonName: deviceId });
    const device = fixture.hub.registerDevice(deviceId, {
      type: 'selfSigned',
      primaryThumbprint: certificate.sha256Thumbprint,
      secondaryThumbprint: '',
    });
    const path = fixture.secret(
      'device.pem',
      certificate.certificatePem + certificate.privateKeyPem,
    );
    const text = `HostName=${device.hubName};DeviceId=${deviceId};x509=true`;
    fixture.configure({
      identity: {
        mode: 'device',
        connectionStringFile: fixture.secret('device.connection', text),
        gatewayHostName: device.gatewayHostName,
        restEndpoint: `localhost:${fixture.hub.httpsPort}`,
        certificateFile: path,
      },
    });
    await fixture.startAgent();
    await fixture.messageArrives();
    const [, line = ''] = certificate.privateKeyPem.split('\n');
    fixture.keeps(line, fixture.hub.registerModule(deviceId).primaryKey);
  });
});
