import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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
});
