import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { selfSigned } from '../../../local-hub/hub/certificates.js';
import { ProvisioningService } from '../../../local-hub/services/provisioning.js';
import { deviceId, IdentityFixture } from '../../support/running-identity.js';

let fixture: IdentityFixture;
let dps: ProvisioningService;
let calls: string[];

beforeEach(async () => {
  fixture = new IdentityFixture();
  await fixture.startHub();
  dps = await ProvisioningService.start({ tls: fixture.hub.tls });
  calls = [];
  dps.onCall(({ method, status }) => calls.push(`${method} ${status}`));
});

afterEach(async () => {
  await dps.stop();
  await fixture.close();
});

const registrationId = 'gateway-17';

function configure(identity: object, register = false): void {
  fixture.configure({
    requestTimeout: 'PT5S',
    identity: {
      mode: 'dps',
      gatewayHostName: `localhost:${fixture.hub.port}`,
      restEndpoint: `localhost:${fixture.hub.httpsPort}`,
      dps: {
        endpoint: `localhost:${dps.port}`,
        idScope: dps.idScope,
        registrationId,
        register,
      },
      ...identity,
    },
  });
}

const keysOfModule = (): readonly string[] => {
  const { primaryKey, secondaryKey } = fixture.hub.registerModule(deviceId);
  return [primaryKey, secondaryKey];
};

describe('the running agent with the provisioning service', () => {
  it('looks up its hub with the key of the enrolment, and starts without the service after that', async () => {
    const key = dps.enrolDevice(registrationId, { hub: fixture.hub, deviceId });
    configure({ keyFile: fixture.secret('enrolment.key', key) });
    await dps.provision(registrationId);
    await fixture.startAgent();
    await fixture.messageArrives();
    expect(calls).toEqual(['POST 200']);
    await fixture.stopAgent();
    await dps.stop();
    await fixture.startAgent();
    await fixture.messageArrives();
    fixture.keeps(key, ...keysOfModule());
  });

  it('registers the device where it is told to, with a key that was derived from that of its group', async () => {
    const keyOf = dps.enrolGroup({ hub: fixture.hub, deviceId });
    const key = keyOf(registrationId);
    dps.faults.retryAfterSeconds = 1;
    configure({ keyFile: fixture.secret('enrolment.key', key) }, true);
    await fixture.startAgent();
    await fixture.messageArrives();
    expect(calls).toEqual(['POST 404', 'PUT 202', 'GET 202', 'GET 200']);
    fixture.keeps(key, ...keysOfModule());
  });

  it('takes the new key of a module whose keys were rolled', async () => {
    const key = dps.enrolDevice(registrationId, { hub: fixture.hub, deviceId });
    configure({ keyFile: fixture.secret('enrolment.key', key) });
    await dps.provision(registrationId);
    await fixture.startAgent();
    await fixture.messageArrives();
    const before = keysOfModule();
    fixture.hub.rollKeys(deviceId);
    await fixture.says(/refused the credentials/);
    await expect
      .poll(
        () => {
          fixture.suspend(120_000);
          return fixture.hub.isConnected(deviceId);
        },
        { timeout: 20_000, interval: 500 },
      )
      .toBe(true);
    await fixture.messageArrives();
    expect(calls).toEqual(['POST 200']);
    fixture.keeps(key, ...before, ...keysOfModule());
  });

  it('registers nothing by itself', async () => {
    const key = dps.enrolDevice(registrationId, { hub: fixture.hub, deviceId });
    configure({ keyFile: fixture.secret('enrolment.key', key) });
    await fixture.startAgent();
    await fixture.says(/gateway-17 is assigned to none .*identity\.dps\.register/);
    expect(calls.every((call) => call === 'POST 404')).toBe(true);
    fixture.keeps(key);
  });

  it('proves itself with a certificate where the enrolment has one', async () => {
    const certificate = await selfSigned({ commonName: registrationId });
    const thumbprints = [certificate.sha256Thumbprint];
    dps.enrol({ type: 'thumbprints', thumbprints }, { hub: fixture.hub, deviceId }, registrationId);
    const { certificatePem, privateKeyPem } = certificate;
    configure(
      { certificateFile: fixture.secret('device.pem', certificatePem + privateKeyPem) },
      true,
    );
    await fixture.startAgent();
    await fixture.messageArrives();
    const [, line = ''] = privateKeyPem.split('\n');
    fixture.keeps(line, ...keysOfModule());
  });
});
