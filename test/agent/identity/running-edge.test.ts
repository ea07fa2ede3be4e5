import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EdgeDevice } from '../../../local-hub/services/edge.js';
import { deviceId, IdentityFixture } from '../../support/running-identity.js';

let fixture: IdentityFixture;
let edge: EdgeDevice;

beforeEach(async () => {
  fixture = new IdentityFixture();
  await fixture.startHub();
  const { directory, hub } = fixture;
  edge = await EdgeDevice.start({ directory, hub, deviceId });
});

afterEach(async () => {
  await edge.stop();
  await fixture.close();
});

const keysOfModule = (): readonly string[] => {
  const { primaryKey, secondaryKey } = fixture.hub.registerModule(deviceId);
  return [primaryKey, secondaryKey];
};

function configureHost(): void {
  const { identities, keys } = edge.services;
  fixture.configure({
    identity: {
      mode: 'edge',
      edge: { identitySocket: identities.path, keySocket: keys.path },
    },
  });
}

describe('the running agent on a host with IoT Edge', () => {
  it('is the module that the Identity Service says, without a key on the device', async () => {
    configureHost();
    await fixture.startAgent();
    await fixture.messageArrives();
    const before = keysOfModule();
    // The services hold the key: when it is rolled they have the new one, and those that restart have other handles.
    fixture.hub.rollKeys(deviceId);
    await fixture.messageArrives();
    edge.restartKeys();
    fixture.hub.dropConnections();
    await fixture.messageArrives();
    fixture.keeps(...before, ...keysOfModule());
  });

  it('says what to write where when the Identity Service does not know its user', async () => {
    edge.services.identities.faults.refuse = { status: 403 };
    configureHost();
    await fixture.startAgent();
    const uid = String(process.geteuid?.());
    await fixture.says(
      new RegExp(
        `does not know user ${uid}; write into /etc/aziot/identityd/config\\.d/azureiotsecurity\\.toml.*uid = ${uid} `,
      ),
    );
  });

  it('says so when the Keys Service does not sign, and goes on when it does', async () => {
    edge.services.keys.faults.refuse = { status: 500 };
    configureHost();
    await fixture.startAgent();
    await fixture.says(/Could not have a token signed at \S+keyd\.sock: it has trouble \(500\)/);
    edge.services.keys.faults.refuse = undefined;
    await fixture.messageArrives();
  });

  it('stops while a service does not answer, without waiting for that', async () => {
    edge.services.identities.faults.refuse = 'silence';
    const asked = new Promise((resolve) => edge.services.identities.onCall(resolve));
    configureHost();
    await fixture.startAgent();
    await asked;
    // A service is waited for half a minute; whoever has not ended after ten seconds is killed.
    expect((await fixture.stopAgent()).code).toBe(0);
  });
});

describe('the running agent in a container of IoT Edge', () => {
  it('is the module of the container, connects to the gateway, and trusts what Edge trusts', async () => {
    const paths: string[] = [];
    edge.services.workload.onCall(({ path }) => paths.push(path.split('?')[0] ?? ''));
    fixture.environment = { ...edge.environment };
    fixture.configure({ identity: { mode: 'edge' }, trustedCaFile: undefined });
    await fixture.startAgent();
    await fixture.messageArrives();
    fixture.keeps(...keysOfModule());
    expect(paths).toEqual([
      '/trust-bundle',
      expect.stringMatching(/^\/modules\/azureiotsecurity\/genid\/\d+\/sign$/),
    ]);
  });
});
