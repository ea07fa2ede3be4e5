import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { secretNames } from '../../../agent/enroll/configuration.js';
import { enroll } from '../../../agent/enroll/enroll.js';
import type { Given, GivenIdentity } from '../../../agent/enroll/given.js';
import { readGiven } from '../../../agent/enroll/identity-given.js';
import { readSecret } from '../../../agent/enroll/secret-input.js';

/** Stands for a file that is mounted by itself, which takes root and a mount to make: rename(2) over it is refused. */
const renaming = vi.hoisted(() => ({ refused: '' }));
vi.mock('node:fs/promises', async (original) => {
  const fs = await original<{ rename: (from: string, to: string) => Promise<void> }>();
  const rename = async (from: string, to: string): Promise<void> => {
    if (to !== renaming.refused) return fs.rename(from, to);
    const message = `EBUSY: resource busy or locked, rename '${from}' -> '${to}'`;
    throw Object.assign(new Error(message), { code: 'EBUSY', syscall: 'rename', dest: to });
  };
  return { ...fs, rename };
});

const key = Buffer.from('a very secret key').toString('base64');
const module = `HostName=hub.example;DeviceId=device-1;ModuleId=azureiotsecurity;SharedAccessKey=${key}`;

let root = '';
let directory = '';
let groupFile = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'enroll-'));
  directory = join(root, 'etc');
  groupFile = join(root, 'group');
  writeFileSync(groupFile, `root:x:0:\niot-security-agent:x:${process.getegid?.() ?? 0}:\n`);
});
afterEach(() => rmSync(root, { recursive: true }));

const given = (secret: string, more: Given = {}): GivenIdentity => {
  const read = readGiven({ ...more, secret });
  if ('missing' in read) throw new Error(`${read.missing} is missing`);
  return read;
};
const run = async (input = `${module}\n`) =>
  (await enroll({ directory, given: given(input), groupFile })).configuration;
const settings = (): Record<string, unknown> =>
  JSON.parse(readFileSync(join(directory, 'agent.json'), 'utf8')) as Record<string, unknown>;
const modeOf = (name: string): number => statSync(join(directory, name)).mode & 0o777;

describe('enrolling', () => {
  it('writes the secret for root alone and the settings for the agent, whatever the umask', async () => {
    const before = process.umask(0o077);
    try {
      await run();
    } finally {
      process.umask(before);
    }
    expect(readdirSync(directory).toSorted()).toEqual(['agent.json', 'module.connection']);
    expect(readFileSync(join(directory, 'module.connection'), 'utf8')).toBe(`${module}\n`);
    expect([modeOf('.'), modeOf('module.connection'), modeOf('agent.json')]).toEqual([
      0o750, 0o600, 0o640,
    ]);
    expect(settings()).toEqual({
      identity: {
        mode: 'module',
        connectionStringFile: join(directory, 'module.connection'),
      },
    });
  });

  it('keeps what else the settings hold, and takes the place of who the device was', async () => {
    await run();
    const old = {
      identity: {
        hostName: 'old.example',
        deviceId: 'old',
        keyFile: '/old.key',
        gatewayHostName: 'edge.local',
      },
      logLevel: 'debug',
    };
    writeFileSync(join(directory, 'agent.json'), JSON.stringify(old));
    const { removedKeys } = await run();
    expect(removedKeys).toEqual(['hostName', 'deviceId', 'keyFile']);
    expect(settings()).toEqual({
      identity: {
        mode: 'module',
        connectionStringFile: join(directory, 'module.connection'),
        gatewayHostName: 'edge.local',
      },
      logLevel: 'debug',
    });
  });

  it('keeps where the services of IoT Edge are asked', async () => {
    const edge = { identitySocket: '/run/own/identityd.sock', keySocket: '/run/own/keyd.sock' };
    mkdirSync(directory);
    writeFileSync(join(directory, 'agent.json'), JSON.stringify({ identity: { edge } }));
    await enroll({ directory, given: given('', { mode: 'edge' }), groupFile });
    expect(settings()).toEqual({ identity: { mode: 'edge', edge } });
  });

  it('tells of the secret of a former identity, which it leaves for the way back', async () => {
    await run();
    const who = { mode: 'device', hostName: 'hub.example', deviceId: 'device-1' } as const;
    const { unused } = await enroll({ directory, given: given(key, who), groupFile });
    expect(unused).toEqual([join(directory, 'module.connection')]);
    const again = await enroll({ directory, given: given(module), groupFile });
    expect(again.unused).toEqual([join(directory, 'device.key')]);
  });

  it('again changes nothing but the secret, not even the file of the settings', async () => {
    await run();
    const inode = statSync(join(directory, 'agent.json')).ino;
    const { isChanged } = await run(module.replace('device-1', 'device-2'));
    expect(isChanged).toBe(false);
    expect(statSync(join(directory, 'agent.json')).ino).toBe(inode);
    expect(readdirSync(directory).toSorted()).toEqual(['agent.json', 'module.connection']);
    expect(readFileSync(join(directory, 'module.connection'), 'utf8')).toContain('device-2');
  });
});

describe('a connection string', () => {
  it.each([
    ['in double quotes', `"${module}"\n`],
    ['in single quotes', `'${module}'`],
    ['below empty lines', `\n\r\n  ${module}\n`],
  ])('%s is taken without them', async (_, input) => {
    await run(input);
    expect(readFileSync(join(directory, 'module.connection'), 'utf8')).toBe(`${module}\n`);
  });
});

it('a relative directory is taken from where the command runs', async () => {
  const place = relative(process.cwd(), directory);
  const { configuration } = await enroll({ directory: place, given: given(module), groupFile });
  const secretFile = join(directory, 'module.connection');
  expect(configuration.secrets.map(({ path }) => path)).toEqual([secretFile]);
  expect(settings()).toMatchObject({ identity: { connectionStringFile: secretFile } });
  await expect(enroll({ directory: '', given: given(module), groupFile })).rejects.toThrow(
    '--directory is empty; name a directory. Nothing was changed.',
  );
});

describe('what cannot be used is refused with a sentence, without the secret, and leaves the device as it was:', () => {
  it.each([
    ['one of a policy', `HostName=h;SharedAccessKeyName=owner;SharedAccessKey=${key}`, /policy/],
    ['half of one', module.slice(0, -9), /not base64/],
    ['an id with + in it', module.replace('device-1', 'gw+7'), /cannot carry \+ and # in topics/],
    ['an id with # in it', module.replace('device-1', 'LightSensor#1'), /cannot carry \+ and # in/],
    ['something else', `hello ${key}`, /has no HostName/],
  ])('%s', async (_, input, sentence) => {
    const error: unknown = await run(input).catch((thrown: unknown) => thrown);
    expect(String(error)).toMatch(sentence);
    expect(String(error)).toMatch(/Nothing was changed\.$/);
    expect(String(error)).not.toContain(key.slice(0, 10));
    expect(existsSync(directory)).toBe(false);
  });

  it.each([
    ['half-written settings', '{"logLevel": "de', /agent\.json is not valid JSON \(line 1/],
    ['settings that are none', '[]', /no JSON object/],
    ['settings with an error', '{"logLevl": "debug"}', /logLevl is not a setting/],
  ])('%s', async (_, text, sentence) => {
    await run();
    writeFileSync(join(directory, 'agent.json'), text);
    await expect(run(module.replace('device-1', 'device-2'))).rejects.toThrow(sentence);
    expect(readFileSync(join(directory, 'agent.json'), 'utf8')).toBe(text);
    expect(readFileSync(join(directory, 'module.connection'), 'utf8')).toBe(`${module}\n`);
  });

  const refusal = async (input = module): Promise<string> => {
    const error: unknown = await run(input).catch((thrown: unknown) => thrown);
    expect(error).toHaveProperty('exitCode', 77);
    const { message } = error as Error;
    expect(message).toMatch(/Nothing was changed\.$/);
    // Not the words of Node.
    expect(message).not.toMatch(/\b(rename|mkdir|open|rm|link)\b.* '|returned/);
    return message;
  };

  it('a directory that is a file', async () => {
    writeFileSync(directory, 'a file');
    expect(await refusal()).toContain(`${directory} is not a directory`);
    expect(readFileSync(directory, 'utf8')).toBe('a file');
  });

  it('a directory that cannot be made', async () => {
    directory = '/proc/no-such-place';
    expect(await refusal()).toContain('no directory can be made in /proc');
  });

  it.each([
    'module.connection',
    'module.connection.new',
    'agent.json.new',
    'agent.json.before-enroll',
  ])('a directory in the place of %s, which is named', async (name) => {
    await run();
    rmSync(join(directory, name), { force: true });
    mkdirSync(join(directory, name, 'in the way'), { recursive: true });
    writeFileSync(join(directory, 'agent.json'), '{"logLevel": "debug"}');
    const before = readdirSync(directory);
    expect(await refusal()).toContain(`${join(directory, name)} is a directory`);
    expect(readdirSync(directory)).toEqual(before);
    expect(settings()).toEqual({ logLevel: 'debug' });
  });

  it('settings that cannot be replaced, after the secret was: the old one is put back', async () => {
    await run();
    writeFileSync(join(directory, 'agent.json'), '{"logLevel": "debug"}');
    for (const wasThere of [true, false]) {
      if (!wasThere) rmSync(join(directory, 'module.connection'));
      const before = readdirSync(directory);
      renaming.refused = join(directory, 'agent.json');
      const message = await refusal(module.replace('device-1', 'device-2')).finally(
        () => (renaming.refused = ''),
      );
      expect(message).toMatch(/agent\.json cannot be replaced, because it is mounted by itself/);
      expect(readdirSync(directory)).toEqual(before);
      if (wasThere) {
        expect(readFileSync(join(directory, 'module.connection'), 'utf8')).toBe(`${module}\n`);
      }
      expect(settings()).toEqual({ logLevel: 'debug' });
    }
  });
});

describe('the secret', () => {
  function terminal() {
    const input = Object.assign(new PassThrough(), {
      isTTY: true,
      raw: [] as boolean[],
      setRawMode(raw: boolean) {
        input.raw.push(raw);
      },
    });
    return input;
  }

  function terminalWith(text: string) {
    const input = terminal();
    input.write(text);
    return input;
  }

  it('is typed without echo, and can be corrected', async () => {
    const input = terminal();
    let shown = '';
    const typed = readSecret(input, (text) => (shown += text));
    input.write('HostXX\u007f\u007fName');
    input.write('=h\rrest');
    expect(await typed).toBe('HostName=h');
    expect(input.raw).toEqual([true, false]);
    expect(shown).not.toContain('HostName');
  });

  it('may follow empty lines, and may be pasted by a terminal that marks what is pasted', async () => {
    const input = terminal();
    const typed = readSecret(input, () => undefined);
    input.write('\r\n\u001b[20');
    input.write('0~\rHostName=h\u001b[201~\r');
    expect(await typed).toBe('HostName=h');
    const nothing = readSecret(terminalWith('\r\u0004'), () => undefined);
    expect(await nothing).toBe('');
  });

  it('can be left out with Ctrl-C', async () => {
    const input = terminal();
    const typed = readSecret(input, () => undefined);
    input.write('abc\u0003');
    await expect(typed).rejects.toThrow(/nothing was changed/);
    expect(input.raw).toEqual([true, false]);
  });

  it('that is far too long is refused', async () => {
    const input = new PassThrough();
    input.end('x'.repeat(70_000));
    await expect(readSecret(input, () => undefined)).rejects.toThrow(/too long/);
  });
});

it('the unit hands over every secret that is written', () => {
  const unit = readFileSync('systemd/iot-security-agent.service', 'utf8');
  for (const name of Object.values(secretNames)) {
    expect(unit).toContain(`\nLoadCredential=${name}:/etc/iot-security-agent/${name}\n`);
    expect(unit).toContain(`\nSetCredential=${name}:-\n`);
  }
});
