import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { edgeServices, workloadApi } from '../../support/edge-services.js';
import { deviceId, IdentityFixture } from '../../support/running-identity.js';

let fixture: IdentityFixture;

beforeEach(async () => {
  fixture = new IdentityFixture();
  await fixture.startHub();
});

afterEach(() => fixture.close());

const keysOfModule = (): readonly string[] => {
  const { primaryKey, secondaryKey } = fixture.hub.registerModule(deviceId);
  return [primaryKey, secondaryKey];
};

describe('the running agent on a host with IoT Edge', () => {
  it('is the module that the Identity Service says, without a key on the device', async () => {
    const { directory, hub } = fixture;
    const edge = await edgeServices({ hub, deviceId, directory });
    const { identitySocket, keySocket } = edge;
    fixture.configure({ identity: { mode: 'edge', edge: { identitySocket, keySocket } } });
    await fixture.startAgent();
    await fixture.messageArrives();
    const secrets = keysOfModule();
    // The services hold the key: when it is rolled they have the new one.
    const rolled = fixture.hub.rollKeys(deviceId);
    await fixture.messageArrives();
    fixture.keeps(...secrets, rolled.primaryKey, 'the-handle-of-the-key');
  });

  it('says what to write where when the Identity Service does not know its user', async () => {
    const { directory, hub } = fixture;
    const edge = await edgeServices({ hub, deviceId, directory });
    const { identitySocket, keySocket } = edge;
    edge.identityAnswer = { status: 403 };
    fixture.configure({ identity: { mode: 'edge', edge: { identitySocket, keySocket } } });
    await fixture.startAgent();
    const uid = String(process.geteuid?.());
    await fixture.says(
      new RegExp(
        `does not know user ${uid}; write into /etc/aziot/identityd/config\\.d/azureiotsecurity\\.toml.*uid = ${uid} `,
      ),
    );
  });

  it('says so when the Keys Service does not sign', async () => {
    const { directory, hub } = fixture;
    const edge = await edgeServices({ hub, deviceId, directory });
    const { identitySocket, keySocket } = edge;
    edge.signAnswer = { status: 500, body: { message: 'TELLTALE-BODY' } };
    fixture.configure({ identity: { mode: 'edge', edge: { identitySocket, keySocket } } });
    await fixture.startAgent();
    await fixture.says(/Could not have a token signed at \S+keyd\.sock: it has trouble \(500\)/);
    fixture.keeps('TELLTALE-BODY');
    edge.signAnswer = undefined;
    await fixture.messageArrives();
  });
});

describe('the running agent in a container of IoT Edge', () => {
  it('is the module of the container, connects to the gateway, and trusts what Edge trusts', async () => {
    const { directory, hub } = fixture;
    const edge = await workloadApi({ hub, deviceId, directory });
    fixture.environment = edge.environment;
    fixture.configure({ identity: { mode: 'edge' }, trustedCaFile: undefined });
    await fixture.startAgent();
    await fixture.messageArrives();
    fixture.keeps(...keysOfModule());
    expect(edge.asked.map(({ path }) => path.split('?')[0])).toEqual([
      '/trust-bundle',
      '/modules/azureiotsecurity/genid/7/sign',
    ]);
  });
});
