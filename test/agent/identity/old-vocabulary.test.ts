import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createCredentialSource } from '../../../agent/identity/credential-source.js';
import type { CredentialSource } from '../../../agent/identity/credentials/credentials.js';
import { surroundingsOf } from '../../../agent/identity/modes/surroundings.js';
import { readLocalSettings } from '../../../config/read-local-settings.js';
import { selfSigned, type IssuedCertificate } from '../../../local-hub/hub/certificates.js';
import type { ModuleRegistration } from '../../../local-hub/hub/local-hub.js';
import { Bench, LinkProbe } from '../../support/hub-wire.js';

const deviceId = 'device-1';
const isRoot = process.geteuid?.() === 0;
const notFound = 'nowhere/module.key';

let certificate: IssuedCertificate;
let bench: Bench;
let module: ModuleRegistration;
let probe: LinkProbe | undefined;

beforeAll(async () => {
  certificate = await selfSigned({ commonName: `${deviceId}/azureiotsecurity` });
});

beforeEach(async () => {
  bench = await new Bench().start();
  module = bench.hub.registerModule(deviceId);
  probe = undefined;
});

afterEach(async () => {
  await probe?.link.stop();
  await bench.end();
});

const inDirectory = (name: string): string => join(bench.directory, name);

function put(name: string, text: string, mode = 0o600): string {
  const path = inDirectory(name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

type Identity = Readonly<Record<string, unknown>>;

/** Who the agent is at the stand-in hub, with the right key unless `changes` say otherwise. */
function identity(changes: Identity = {}): Identity {
  return {
    hostName: module.hubName,
    gatewayHostName: module.gatewayHostName,
    deviceId,
    keyFile: put('module.key', `${module.primaryKey}\n`),
    ...changes,
  };
}

const withCertificate = (changes: Identity): Identity =>
  identity({ keyFile: undefined, ...changes });

function asDevice(changes: Identity): Identity {
  const device = bench.hub.registerDevice(deviceId);
  return identity({
    mode: 'device',
    keyFile: put('device.key', `${device.primaryKey}\n`),
    restEndpoint: `localhost:${bench.hub.httpsPort}`,
    ...changes,
  });
}

const writeSettings = (settings: Identity): string =>
  put('agent.json', JSON.stringify({ trustedCaFile: bench.hub.caFile, ...settings }));

/** What is said of a local file with these settings. */
async function problemsOf(configFile: string): Promise<string> {
  const read = await readLocalSettings(configFile);
  if ('settings' in read) throw new Error('The settings were taken.');
  return read.problems.map(({ message }) => message).join('\n');
}

async function sourceOf(who: Identity): Promise<CredentialSource> {
  const read = await readLocalSettings(writeSettings({ identity: who }));
  if ('problems' in read) throw new Error(JSON.stringify(read.problems));
  return createCredentialSource(read.settings, surroundingsOf({}, 5_000));
}

/** The first warning of a link to the hub that has this identity. */
async function warningOf(who: Identity, requestTimeoutMs = 5_000): Promise<string> {
  const source = await sourceOf(who);
  const made = new LinkProbe(() => source.current(), { requestTimeoutMs });
  probe = made;
  made.link.start();
  const warning = (): string | undefined =>
    made.log.lines.find(({ level }) => level === 'warn' || level === 'error')?.message;
  await made.until('a warning', () => warning() !== undefined);
  return warning() ?? '';
}

type Row = readonly [situation: string, code: string, provoke: () => Promise<string>];

const local: readonly Row[] = [
  [
    'the file of settings is missing',
    'Local Configuration / File Not Exist',
    () => problemsOf(inDirectory('none.json')),
  ],
  [
    'the file of settings is no JSON',
    'Local Configuration / File Format',
    () => problemsOf(put('agent.json', '{"identity": {,}')),
  ],
  [
    'the file of settings holds no object',
    'Local Configuration / File Format',
    () => problemsOf(put('agent.json', '[]')),
  ],
  [
    'the way to be somebody is an unknown one',
    'Local Configuration / Cant Parse Configuration',
    () => problemsOf(writeSettings({ identity: identity({ mode: 'tpm' }) })),
  ],
  [
    'a certificate is named for an identity that takes none',
    'Local Configuration / Other',
    () => problemsOf(writeSettings({ identity: { mode: 'edge', certificateFile: '/c' } })),
  ],
  [
    'a setting that is needed is missing',
    'Local Configuration / Missing Configuration',
    () => problemsOf(writeSettings({ identity: identity({ hostName: undefined }) })),
  ],
];

const ofFiles: readonly Row[] = [
  [
    'the key file is missing',
    'Authentication / File Not Exist',
    () => warningOf(identity({ keyFile: inDirectory(notFound) })),
  ],
  [
    'the certificate is missing',
    'Authentication / File Not Exist',
    () => warningOf(withCertificate({ certificateFile: inDirectory(notFound) })),
  ],
  [
    'a directory stands where the key should be',
    'Authentication / File Permissions',
    () => {
      mkdirSync(inDirectory('folder'));
      return warningOf(identity({ keyFile: inDirectory('folder') }));
    },
  ],
  [
    'others may read the key',
    'Authentication / File Permissions',
    () => warningOf(identity({ keyFile: put('open.key', module.primaryKey, 0o644) })),
  ],
  [
    'the certificate is of another kind',
    'Authentication / File Format',
    () =>
      warningOf(
        withCertificate({
          certificateFile: put('c.pem', '-----BEGIN PKCS7-----\nMIIA\n-----END PKCS7-----\n'),
        }),
      ),
  ],
  [
    'the certificate comes without its key',
    'Authentication / File Format',
    () => warningOf(withCertificate({ certificateFile: put('c.pem', certificate.certificatePem) })),
  ],
  [
    'the key is no key',
    'Authentication / File Format',
    () => warningOf(identity({ keyFile: put('no.key', 'no key at all') })),
  ],
];

const wrongKey = (): string => put('wrong.key', Buffer.alloc(32, 'wrong').toString('base64'));

const ofHub: readonly Row[] = [
  [
    'the hub refuses the key',
    'Authentication / Unauthorized',
    () => warningOf(identity({ keyFile: wrongKey() })),
  ],
  [
    'the registry refuses the key of the device',
    'Authentication / Unauthorized',
    () => warningOf(asDevice({ keyFile: wrongKey() })),
  ],
  [
    'the hub refuses the certificate',
    'Authentication / Unauthorized',
    () => {
      const pem = certificate.certificatePem + certificate.privateKeyPem;
      return warningOf(withCertificate({ certificateFile: put('c.pem', pem) }));
    },
  ],
  [
    // MQTT has one answer for both.
    'the hub does not know the device',
    'Authentication / Unauthorized',
    () => warningOf(identity({ deviceId: 'nobody' })),
  ],
  [
    'the registry does not know the module',
    'Authentication / Not Found',
    () => warningOf(asDevice({ moduleId: 'nobody' })),
  ],
  [
    'the registry does not know the device',
    'Authentication / Not Found',
    () => warningOf(asDevice({ deviceId: 'nobody' })),
  ],
  [
    'the hub is busy',
    'Authentication / Other',
    () => {
      bench.hub.faults.refuseConnectWith = 3;
      return warningOf(identity());
    },
  ],
  [
    'nobody listens at the start',
    'Authentication / Other',
    async () => {
      await bench.hub.stop();
      return warningOf(identity());
    },
  ],
  [
    'no registry listens at the start',
    'Authentication / Other',
    async () => {
      const who = asDevice({});
      await bench.hub.stop();
      return warningOf(who);
    },
  ],
  [
    'the name of the hub does not resolve',
    'Authentication / Other',
    () => warningOf(identity({ hostName: 'no-such-hub.invalid', gatewayHostName: undefined })),
  ],
  [
    'the hub does not answer while connecting',
    'Authentication / Other',
    () => {
      bench.hub.faults.silent = true;
      return warningOf(identity(), 500);
    },
  ],
  [
    'the hub is connected and its twin does not come',
    'Remote Configuration / Timeout',
    () => {
      bench.hub.faults.withholdTwinAnswers = true;
      return warningOf(identity(), 500);
    },
  ],
];

describe.each([
  ['the local file', local],
  ['the files of an identity', ofFiles],
  ['the hub', ofHub],
])('what the retired agents had a code for, of %s:', (_, rows) => {
  it.each(rows)('%s [%s]', async (_situation, code, provoke) => {
    const said = await provoke();
    expect(said.match(/\[[^\]/]* \/ [^\]]*\]/g)).toEqual([`[${code}]`]);
  });
});

it('a key that only another user may read [Authentication / File Permissions]', async () => {
  const who = identity({ keyFile: put('closed.key', 'key', 0o000) });
  const source = await sourceOf(who);
  // Root may read every file.
  if (isRoot) process.seteuid?.(65_534);
  const refusal = source.current().finally(() => {
    if (isRoot) process.seteuid?.(0);
  });
  await expect(refusal).rejects.toThrow('[Authentication / File Permissions]');
});

it('a hub that takes no keys of modules is said to be perhaps that [Authentication / Unauthorized]', async () => {
  bench.hub.registry.setModuleSasDisabled(true);
  expect(await warningOf(identity())).toMatch(
    /disableModuleSAS\).*\[Authentication \/ Unauthorized\]\.$/,
  );
});
