import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readStatusDocument } from '../../agent/status/document.js';
import { exitCodes } from '../../base/exit-codes.js';
import { isJsonObject, type JsonObject } from '../../base/json.js';
import { offers, type OfferName } from '../../local-hub/offered-identity.js';
import { EdgeDevice } from '../../local-hub/services/edge.js';
import { ProvisioningService } from '../../local-hub/services/provisioning.js';
import { configDirectory, InstalledDevice, unit } from '../support/device/installed-device.js';
import { packages } from '../support/device/packages.js';
import { writeInto } from '../support/device/container.js';
import { desired, quick } from '../support/running-agent.js';

const moduleId = 'azureiotsecurity';
/** Where the test lays what a person brings along. */
const given = '/root/given';

let device: InstalledDevice;
let provisioning: ProvisioningService;
/** Of the services of IoT Edge; short, because the paths of sockets are. */
let edgeDirectory: string;
let edge: EdgeDevice | undefined;

beforeAll(async () => {
  edgeDirectory = mkdtempSync(join(tmpdir(), 'edge-'));
  chmodSync(edgeDirectory, 0o755);
  device = await InstalledDevice.boot({ binds: { [edgeDirectory]: '/run/aziot' } });
  provisioning = await ProvisioningService.start({ tls: device.fixture.hub.tls, port: 0 });
  await device.install(await packages());
});

afterAll(async () => {
  await edge?.stop();
  await provisioning.stop();
  await device.close();
  rmSync(edgeDirectory, { recursive: true, force: true });
});

let number = 0;
let deviceId = '';

beforeEach(() => {
  number += 1;
  deviceId = `machine-${number}`;
});

/** A device that was never enrolled, but for where the stand-ins are. */
afterEach(async () => {
  await device.container.execute('systemctl', 'stop', unit);
  const wiped = [`${configDirectory}/*`, '/var/lib/iot-security-agent/*', given].join(' ');
  await device.container.execute('/bin/sh', '-c', `rm -rf ${wiped}`);
});

/** Makes the identity in the hub. @returns `identity` of agent.json, its files as they are here */
async function offered(name: OfferName): Promise<JsonObject> {
  const { hub, directory } = device.fixture;
  const identity = await offers[name]({
    hub,
    directory,
    deviceId,
    gatewayHostName: `localhost:${hub.port}`,
    provisioning: () => Promise.resolve(provisioning),
    edge: async () => {
      edge = await EdgeDevice.start({ directory: edgeDirectory, hub, deviceId });
      return edge;
    },
  });
  // What a container cannot see keeps an agent from being healthy.
  const unseen = {
    eventPriorityFirewallConfiguration: 'Off',
    eventPriorityProcessTerminate: 'Off',
  };
  hub.patchDesired(deviceId, desired({ ...quick, ...unseen }));
  return identity;
}

function text(object: JsonObject, key: string): string | undefined {
  const value = object[key];
  return typeof value === 'string' ? value : undefined;
}

/** The settings that say where the stand-ins are, which a real device has no need of. */
function prepare(identity: JsonObject): void {
  const { root } = device.container;
  const dps = isJsonObject(identity['dps']) ? identity['dps'] : {};
  const places = {
    gatewayHostName: text(identity, 'gatewayHostName'),
    restEndpoint: text(identity, 'restEndpoint'),
    ...(isJsonObject(identity['dps']) && { dps: { endpoint: text(dps, 'endpoint') } }),
  };
  const settings = {
    identity: { mode: identity['mode'], ...places },
    trustedCaFile: `${configDirectory}/ca.pem`,
    processSource: 'polling',
    connectionSource: 'polling',
    audit: { own: 'never' },
    requestTimeout: 'PT10S',
  };
  mkdirSync(join(root, configDirectory), { recursive: true });
  copyFileSync(device.fixture.hub.caFile, join(root, configDirectory, 'ca.pem'));
  writeInto(root, `${configDirectory}/agent.json`, JSON.stringify(settings), 0o640);
}

const fileOptions = {
  connectionStringFile: 'connection-string-file',
  keyFile: 'key-file',
  certificateFile: 'certificate-file',
  privateKeyFile: 'private-key-file',
} as const;

/** What a person types after `enroll`, with the files brought to the device. */
function enrollment(identity: JsonObject): readonly string[] {
  const dps = isJsonObject(identity['dps']) ? identity['dps'] : {};
  const named = [
    ['mode', text(identity, 'mode')],
    ['host-name', text(identity, 'hostName')],
    ['device-id', text(identity, 'deviceId')],
    ['id-scope', text(dps, 'idScope')],
    ['registration-id', text(dps, 'registrationId')],
    ...Object.entries(fileOptions).map(([key, option]) => {
      const file = text(identity, key);
      if (file === undefined) return [option, undefined] as const;
      const path = `${given}/${basename(file)}`;
      writeInto(device.container.root, path, readFileSync(file, 'utf8'), 0o600);
      return [option, path] as const;
    }),
  ] as const;
  return named.flatMap(([option, value]) => (value === undefined ? [] : [`--${option}`, value]));
}

async function enroll(identity: JsonObject): Promise<string> {
  const args = enrollment(identity);
  const { code, output } = await device.container.attempt('iot-security-agent', 'enroll', ...args);
  if (code !== 0) throw new Error(`enroll ${args.join(' ')} ended with ${code}: ${output}`);
  return output;
}

/** Resolves when the agent is healthy, and when the hub has taken a valid message that was sent from now on. */
async function isWell(): Promise<void> {
  const { hub } = device.fixture;
  const from = hub.messages.length;
  await expect
    .poll(
      async () => {
        const { output } = await device.container.attempt('iot-security-agent', 'status', '--json');
        if (!output.startsWith('{')) return output;
        const { connection, health } = readStatusDocument(output);
        return connection.state === 'connected' ? health : connection;
      },
      { timeout: 90_000, interval: 500 },
    )
    .toBe('healthy');
  // Long enough for a look at the processes, of which there is one each second.
  await device.container.execute('/bin/sleep', '2.5');
  await expect
    .poll(
      () =>
        hub.messages
          .slice(from)
          .filter((message) => message.deviceId === deviceId && message.problems.length === 0)
          .length,
      { timeout: 60_000, interval: 500 },
    )
    .toBeGreaterThan(0);
  expect(hub.messages.slice(from).flatMap(({ problems }) => problems)).toEqual([]);
}

/** What proves the device is changed in the hub, and the device is given the new one as its operator would. */
type Renewal = (identity: JsonObject) => Promise<void>;

async function enrollAnew(name: OfferName): Promise<void> {
  await enroll(await offered(name));
}

/** The hub refuses the key of the module that is in use; the agent takes the other one by itself. */
const rolledModuleKey: Renewal = () => {
  const { registry } = device.fixture.hub;
  const address = { deviceId, moduleId };
  const fresh = randomBytes(32).toString('base64');
  registry.setKeys(address, fresh, registry.get(address).secondaryKey);
  return Promise.resolve();
};

const ways: readonly { readonly name: OfferName; readonly renew: Renewal }[] = [
  {
    name: 'module',
    renew: () => {
      device.fixture.hub.rollKeys(deviceId);
      return enrollAnew('module');
    },
  },
  { name: 'module-thumbprint', renew: () => enrollAnew('module-thumbprint') },
  { name: 'module-authority', renew: () => enrollAnew('module-authority') },
  { name: 'device', renew: rolledModuleKey },
  { name: 'device-certificate', renew: rolledModuleKey },
  { name: 'dps', renew: rolledModuleKey },
  { name: 'dps-certificate', renew: rolledModuleKey },
];

describe.each(ways)('a device that is enrolled as $name', ({ name, renew }) => {
  it('is tried, healthy and heard, also after what proves it was renewed, and keeps its secrets', async () => {
    const identity = await offered(name);
    prepare(identity);
    expect(await enroll(identity)).toContain('Tried: the hub took it');
    await isWell();
    await renew(identity);
    await isWell();
    await keepsSecrets(identity);
  });
});

/** No secret stands in the log, in an argument of a program, in what others may read, or in the archive for support. */
async function keepsSecrets(identity: JsonObject): Promise<void> {
  const { container, fixture } = device;
  const { primaryKey, secondaryKey } = fixture.hub.registry.get({ deviceId, moduleId });
  const own = fixture.hub.registry.get({ deviceId });
  const files = Object.keys(fileOptions)
    .filter((key) => key !== 'certificateFile')
    .map((key) => text(identity, key))
    .filter((path) => path !== undefined)
    .flatMap((path) => readFileSync(path, 'utf8').split('\n'))
    .filter((line) => line.length > 16 && !line.startsWith('-----'));
  const said = await container.execute('journalctl', '-o', 'cat');
  const running = await container.execute('ps', 'axww', '-o', 'args');
  const readable = `find /etc /var/lib/iot-security-agent /run/iot-security-agent /tmp -xdev -type f -perm -004 -exec cat {} +`;
  const lying = await container.execute('/bin/sh', '-c', readable);
  // Its exit code tells what was found, not whether the archive was written.
  const archive = '/root/given/archive.tar.gz';
  const doctor = await container.attempt('iot-security-agent', 'doctor', '--bundle', archive);
  expect(doctor.output).toContain(`Wrote ${archive}`);
  const handedOn = await container.execute('tar', '-xzOf', archive);
  expect(handedOn).toContain(deviceId);
  for (const secret of [primaryKey, secondaryKey, own.primaryKey, own.secondaryKey, ...files]) {
    for (const where of [said, running, lying, handedOn]) expect(where).not.toContain(secret);
  }
}

describe('a device of IoT Edge', () => {
  it('is heard without any secret of its own, and after its keys were changed', async () => {
    const identity = await offered('edge');
    // On a device its user is in the groups of these services.
    for (const socket of readdirSync(edgeDirectory)) chmodSync(join(edgeDirectory, socket), 0o666);
    prepare(identity);
    const { code, output } = await device.container.attempt(
      ...(['iot-security-agent', 'enroll', '--mode', 'edge'] as const),
    );
    expect({ code, output }).toMatchObject({ code: 0 });
    await isWell();
    device.fixture.hub.rollKeys(deviceId);
    edge?.restartKeys();
    await isWell();
  });
});

const refusals: readonly (readonly [OfferName, RegExp])[] = [
  [
    'module',
    /refused the credentials of machine-\d+\/azureiotsecurity.*\[Authentication \/ Unauthorized\]/s,
  ],
  ['module-thumbprint', /refused the certificate.*\[Authentication \/ Unauthorized\]/s],
  ['device', /refused the key of the device.*\[Authentication \/ Unauthorized\]/s],
  [
    'device-certificate',
    /refused the certificate of the device.*\[Authentication \/ Unauthorized\]/s,
  ],
  ['module-authority', /refused the certificate.*\[Authentication \/ Unauthorized\]/s],
  ['dps', /refused machine-\d+ under the ID scope.*\[Authentication \/ Unauthorized\]/s],
  [
    'dps-certificate',
    /refused machine-\d+ .*identity\.certificateFile.*\[Authentication \/ Unauthorized\]/s,
  ],
];

describe('a wrong credential', () => {
  it.each(refusals)('of %s is refused before anything is written', async (name, sentence) => {
    const identity = await offered(name);
    prepare(identity);
    const before = readFileSync(join(device.container.root, configDirectory, 'agent.json'), 'utf8');
    // The hub has others by the time that these are brought to the device.
    const wrong = await wronged(name, identity);
    const args = enrollment(wrong);
    const { code, output } = await device.container.attempt(
      'iot-security-agent',
      'enroll',
      ...args,
    );
    expect(code).not.toBe(0);
    expect(output).toMatch(sentence);
    expect(output).toContain('Nothing was changed.');
    expect(readFileSync(join(device.container.root, configDirectory, 'agent.json'), 'utf8')).toBe(
      before,
    );
  });
});

/** The same identity with what another one proves itself with. */
async function wronged(name: OfferName, identity: JsonObject): Promise<JsonObject> {
  const { hub } = device.fixture;
  if (name === 'module') {
    hub.rollKeys(deviceId);
    return identity;
  }
  const [rightId, other] = [deviceId, `${deviceId}-other`];
  deviceId = other;
  const strange = await offered(name);
  deviceId = rightId;
  const secrets = Object.keys(fileOptions).flatMap((key) => {
    const file = strange[key];
    return file === undefined ? [] : [[key, file] as const];
  });
  return { ...identity, ...Object.fromEntries(secrets) };
}

describe('a device whose owner wipes the agent', () => {
  it('keeps nothing of it but its program, and is not wiped while the agent runs', async () => {
    const identity = await offered('module');
    prepare(identity);
    await enroll(identity);
    await isWell();
    const wipe = ['iot-security-agent', 'wipe', '--yes'] as const;
    const early = await device.container.attempt(...wipe);
    expect(early).toMatchObject({ code: exitCodes.inUse });
    expect(early.output).toContain('nothing was removed');
    await isWell();
    await device.container.execute('systemctl', 'disable', '--now', unit);
    const { code, output } = await device.container.attempt(...wipe);
    expect({ code, output }).toMatchObject({ code: exitCodes.stopped });
    const left = device.ownDirectories().filter((path) => !path.startsWith('/usr/lib/'));
    expect(left).toEqual([]);
  });
});
