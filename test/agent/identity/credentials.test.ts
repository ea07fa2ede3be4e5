import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCredentialSource } from '../../../agent/identity/credential-source.js';
import { surroundingsOf } from '../../../agent/identity/modes/surroundings.js';
import { CredentialError } from '../../../agent/identity/credentials/credential-error.js';
import type { ModuleCredentials } from '../../../agent/identity/credentials/credentials.js';
import {
  mendingCommand,
  type SecretAccess,
} from '../../../agent/identity/credentials/secret-file.js';
import type { LocalSettings } from '../../../config/local-settings.js';
import { parseLocalSettings } from '../../../config/parse-local-settings.js';

const key = 'c2VjcmV0LXNlY3JldC1zZWNyZXQ=';
let directory = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'credentials-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function put(content: string | Buffer, mode = 0o600, name = 'secret'): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  await chmod(path, mode);
  return path;
}

function settingsWith(
  identity: Record<string, string>,
  others: Record<string, string> = {},
): LocalSettings {
  const result = parseLocalSettings(JSON.stringify({ identity, ...others }), 'agent.json');
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  return result.settings;
}

const withKey = (keyFile: string, others: Record<string, string> = {}): LocalSettings =>
  settingsWith({ hostName: 'hub.example', deviceId: 'device-1', keyFile }, others);

function loadCredentials(
  settings: LocalSettings,
  access: SecretAccess = {},
): Promise<ModuleCredentials> {
  const surroundings = { ...surroundingsOf({}, 1_000), access };
  return createCredentialSource(settings, surroundings).current();
}

const proof = { kind: 'key', sharedAccessKey: key };

async function errorOf(settings: LocalSettings): Promise<CredentialError> {
  try {
    await loadCredentials(settings);
  } catch (error) {
    if (error instanceof CredentialError) return error;
    throw error;
  }
  throw new Error('the credentials were accepted');
}

describe('a credential that systemd hands over', () => {
  const load = (settings: LocalSettings, handedOver: string) =>
    loadCredentials(settings, { credentialsDirectory: handedOver });

  test('stands for the file of the same name, which need not be readable, whatever its own mode', async () => {
    const handedOver = join(directory, 'handed-over');
    await mkdir(handedOver);
    await put(key, 0o444, 'handed-over/module.key');
    expect((await load(withKey('/nowhere/module.key'), handedOver)).proof).toEqual(proof);
  });

  test.each(['-', '-\n', undefined])('is missing as %j: then the file counts', async (content) => {
    const handedOver = join(directory, 'handed-over');
    await mkdir(handedOver);
    if (content !== undefined) await put(content, 0o400, 'handed-over/secret');
    const settings = withKey(await put(key));
    expect((await load(settings, handedOver)).proof).toEqual(proof);
  });

  test('is older than a file that was written since the start, which counts where it can be read', async () => {
    const handedOver = join(directory, 'handed-over');
    await mkdir(handedOver);
    await put(key, 0o400, 'handed-over/secret');
    const sharedAccessKey = 'bmV3LWtleS1uZXcta2V5LW5ldw==';
    const path = await put(sharedAccessKey);
    await utimes(path, new Date(), new Date(Date.now() + 1_000));
    expect((await load(withKey(path), handedOver)).proof).toEqual({ kind: 'key', sharedAccessKey });
    await utimes(path, new Date(), new Date(Date.now() - 60_000));
    expect((await load(withKey(path), handedOver)).proof).toEqual(proof);
  });

  test('is judged like the file', async () => {
    const handedOver = join(directory, 'handed-over');
    await mkdir(handedOver);
    const path = await put(key);
    await put('no key at all', 0o400, 'handed-over/secret');
    await expect(load(withKey(path), handedOver)).rejects.toThrow('does not hold base64');
  });
});

describe('a key file', () => {
  test.each([key, `${key}\n`, `  ${key} \r\nsecond line`, `\uFEFF${key}`])(
    'gives the key on its first line (%j)',
    async (content) => {
      expect(await loadCredentials(withKey(await put(content)))).toEqual({
        hostName: 'hub.example',
        deviceId: 'device-1',
        moduleId: 'azureiotsecurity',
        proof,
      });
    },
  );

  test('is read again on each call, because keys are rolled', async () => {
    const settings = withKey(await put(key));
    await loadCredentials(settings);
    const sharedAccessKey = 'bmV3LWtleS1uZXcta2V5LW5ldw==';
    await put(sharedAccessKey);
    expect((await loadCredentials(settings)).proof).toEqual({ kind: 'key', sharedAccessKey });
  });

  test.each([
    ['empty', '', 'has an empty first line'],
    ['cut short', key.slice(0, 20), 'holds a key of fewer than 16 bytes'],
    ['not base64', 'TOP-SECRET', 'does not hold base64 on its first line'],
    [
      'a connection string',
      'HostName=h;SharedAccessKey=TOPSECRET',
      'identity.connectionStringFile instead',
    ],
    ['PEM', '-----BEGIN PRIVATE KEY-----\nTOPSECRET', 'holds PEM'],
    ['longer than 64 KB', 'TOPSECRE'.repeat(8193), 'more than 65536 bytes'],
  ])('that is %s is refused without showing it', async (_, content, says) => {
    const path = await put(content);
    const { kind, message } = await errorOf(withKey(path));
    expect(kind).toBe('malformed');
    expect(message).toContain(`identity.keyFile: ${path} `);
    expect(message).toContain(says);
    expect(message).not.toMatch(/TOP-?SECRE/);
  });

  test('that does not exist is missing', async () => {
    const path = join(directory, 'nowhere');
    expect(await errorOf(withKey(path))).toMatchObject({
      kind: 'missing',
      message: `identity.keyFile: ${path} does not exist; create it or correct the path [Authentication / File Not Exist]`,
    });
  });

  test('that is a directory, a pipe or a circle of links is unreadable, and nothing waits for it', async () => {
    await mkdir(join(directory, 'folder'));
    await promisify(execFile)('mkfifo', [join(directory, 'pipe')]);
    await symlink(join(directory, 'circle'), join(directory, 'circle'));
    for (const [name, says] of [
      ['folder', 'is a directory'],
      ['pipe', 'is not a regular file'],
      ['circle', 'is a symbolic link that leads back to itself'],
    ] as const) {
      const { kind, message } = await errorOf(withKey(join(directory, name)));
      expect(kind).toBe('unreadable');
      expect(message).toContain(says);
    }
  });

  test.each([0o604, 0o602, 0o601, 0o660, 0o620, 0o644, 0o666])(
    'of mode %o is refused with the command that mends it',
    async (mode) => {
      const path = await put(key, mode);
      const settings = withKey(path);
      const { kind, message } = await errorOf(settings);
      expect(kind).toBe('unsafe-mode');
      const command = /run: (.*)$/.exec(message)?.[1] ?? '';
      expect(command).toBe(`chmod 600 ${path}`);
      await promisify(execFile)('/bin/sh', ['-c', command]);
      expect((await loadCredentials(settings)).proof).toEqual(proof);
    },
  );

  test('is judged by what a symbolic link leads to', async () => {
    const link = join(directory, 'link');
    await symlink(await put(key, 0o644), link);
    expect((await errorOf(withKey(link))).kind).toBe('unsafe-mode');
    await put(key, 0o600);
    expect((await loadCredentials(withKey(link))).proof).toEqual(proof);
  });
});

describe('of a secret file', () => {
  const agent = { uid: 990, gids: [980, 981] };
  const root = { uid: 0, gids: [0] };

  test.each<[string, number, number, number, { uid: number; gids: number[] }, string | undefined]>([
    ['our own, private', 0o600, 990, 980, agent, undefined],
    ['our own, read-only', 0o400, 990, 980, agent, undefined],
    ['our own, group reads', 0o640, 990, 980, agent, 'chmod 600 /k'],
    ["root's, our group reads", 0o640, 0, 981, agent, undefined],
    ["root's, our group runs", 0o650, 0, 980, agent, 'chmod 640 /k'],
    ["root's, our group writes", 0o660, 0, 980, agent, 'chmod 640 /k'],
    ["root's, another group reads", 0o640, 0, 5, agent, 'chown root:980 /k && chmod 640 /k'],
    ["root's, all read", 0o644, 0, 0, agent, 'chown root:980 /k && chmod 640 /k'],
    ["root's, private, as root", 0o600, 0, 0, root, undefined],
    ["root's, group root reads, as root", 0o640, 0, 0, root, undefined],
    ["root's, another group reads, as root", 0o640, 0, 5, root, 'chmod 600 /k'],
    ["a stranger's", 0o600, 1000, 1000, agent, 'chown 990 /k && chmod 600 /k'],
    ["a stranger's, as root", 0o600, 1000, 1000, root, 'chown 0 /k && chmod 600 /k'],
  ])('%s: mode %o of %i:%i', (_, mode, uid, gid, ids, command) => {
    expect(mendingCommand('/k', { mode: 0o100000 | mode, uid, gid }, ids)).toBe(command);
  });

  test('the command can be copied as it stands, whatever the path is', () => {
    const stats = { mode: 0o100644, uid: 0, gid: 0 };
    expect(mendingCommand("/a b/it's", stats, root)).toBe(`chmod 600 '/a b/it'\\''s'`);
  });
});

describe('a connection string file', () => {
  const text = `HostName=hub.example;DeviceId=device-1;ModuleId=azureiotsecurity;SharedAccessKey=${key}`;

  test('says all by itself', async () => {
    const path = await put(`${text};GatewayHostName=gateway.local\n`);
    expect(await loadCredentials(settingsWith({ connectionStringFile: path }))).toEqual({
      hostName: 'hub.example',
      deviceId: 'device-1',
      moduleId: 'azureiotsecurity',
      proof,
      gatewayHostName: 'gateway.local',
    });
  });

  test('agrees with what agent.json says too, host names in any case', async () => {
    const identity = {
      connectionStringFile: await put(text),
      hostName: 'HUB.example',
      deviceId: 'device-1',
      gatewayHostName: 'localhost:18883',
    };
    expect(await loadCredentials(settingsWith(identity))).toMatchObject({
      hostName: 'hub.example',
      gatewayHostName: 'localhost:18883',
    });
  });

  test.each([
    ['hostName', 'other.example', 'hub.example'],
    ['deviceId', 'Device-1', 'device-1'],
    ['moduleId', 'other', 'azureiotsecurity'],
  ])('that disagrees about %s is refused with both', async (name, stated, found) => {
    const path = await put(text);
    const { kind, message } = await errorOf(
      settingsWith({ connectionStringFile: path, [name]: stated }),
    );
    expect(kind).toBe('malformed');
    expect(message).toBe(
      `identity.${name} is ${stated}, but the connection string in ${path} says ${found}; correct one of them, or remove identity.${name} [Local Configuration / Other]`,
    );
  });

  test('of a device is refused by name, and readable by others not at all', async () => {
    const path = await put(text.replace('ModuleId=azureiotsecurity;', ''));
    const settings = settingsWith({ connectionStringFile: path });
    expect((await errorOf(settings)).message).toContain(
      `${path} holds the connection string of the device`,
    );
    await put(text, 0o604);
    expect((await errorOf(settings)).kind).toBe('unsafe-mode');
  });
});

describe('a text that is not UTF-8', () => {
  const utf16 = (text: string): Buffer => Buffer.from(`\uFEFF${text}`, 'utf16le');
  const connectionString = `HostName=h;DeviceId=d;ModuleId=m;SharedAccessKey=${key}`;

  test.each([
    ['a connection string file', 'connectionStringFile', connectionString],
    ['a key file', 'keyFile', key],
  ])('in %s is named by its encoding', async (_, name, text) => {
    const path = await put(utf16(text));
    const identity = { hostName: 'h', deviceId: 'd', [name]: path };
    const error = await errorOf(settingsWith(identity));
    expect(error.kind).toBe('malformed');
    expect(error.message).toBe(
      `identity.${name}: ${path} is encoded in UTF-16 (little-endian), as some editors and shells of Windows do; save it as UTF-8 [Authentication / File Format]`,
    );
  });

  test('in a file of certificates is named too', async () => {
    const trustedCaFile = await put(utf16(rootCertificates[0] ?? ''), 0o644, 'ca.pem');
    const error = await errorOf(withKey(await put(key), { trustedCaFile }));
    expect(error.message).toContain('is encoded in UTF-16 (little-endian)');
  });

  test('of Windows with a byte order mark and its line ends is taken', async () => {
    const path = await put(`\uFEFF${connectionString}\r\n`);
    expect(await loadCredentials(settingsWith({ connectionStringFile: path }))).toMatchObject({
      proof,
    });
  });
});

describe('a file of trusted certificates', () => {
  const pem = rootCertificates.slice(0, 2).join('\n');

  test('is handed on as PEM, without what stands around it', async () => {
    const trustedCaFile = await put(`# roots\n${pem}\n`, 0o644, 'ca.pem');
    const settings = withKey(await put(key), { trustedCaFile });
    expect((await loadCredentials(settings)).trustedCaPem).toBe(`${pem}\n`);
  });

  test.each([
    ['holds none', 'text', 0o644, 'malformed', 'holds no PEM certificate'],
    [
      'holds a broken one',
      pem.replace(/^MII.*$/m, 'MIIA'),
      0o644,
      'malformed',
      'certificate 1 in ',
    ],
    [
      'holds DER',
      new X509Certificate(rootCertificates[0] ?? '').raw,
      0o644,
      'malformed',
      'is a certificate in DER [Authentication / File Format]; convert it to PEM with: openssl x509 -inform der',
    ],
    [
      'holds another kind of PEM',
      '-----BEGIN PKCS7-----\nMIIA\n-----END PKCS7-----\n',
      0o644,
      'malformed',
      'holds PEM of another kind (PKCS7)',
    ],
    ['others may change', pem, 0o666, 'unsafe-mode', 'run: chmod go-w '],
  ])('that %s is refused', async (_, content, mode, kind, says) => {
    const trustedCaFile = await put(content, mode, 'ca.pem');
    const error = await errorOf(withKey(await put(key), { trustedCaFile }));
    expect(error.kind).toBe(kind);
    expect(error.message).toContain(says);
    expect(error.message).toContain(trustedCaFile);
  });
});
