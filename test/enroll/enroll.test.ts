import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { spawn } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { enroll } from '../../agent/enroll/enroll.js';
import { readSecret } from '../../agent/enroll/secret-input.js';
import { agentBundle } from '../support/running-agent.js';

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

const run = (input = `${module}\n`) => enroll({ directory, input, groupFile });
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

  it('again changes nothing but the secret', async () => {
    await run();
    const before = settings();
    await run(module.replace('device-1', 'device-2'));
    expect(settings()).toEqual(before);
    expect(readFileSync(join(directory, 'module.connection'), 'utf8')).toContain('device-2');
  });
});

describe('what cannot be used is refused with a sentence, without the secret, and leaves the device as it was:', () => {
  it.each([
    [
      'the connection string of the device',
      module.replace('ModuleId=azureiotsecurity;', ''),
      /no ModuleId.*azureiotsecurity/,
    ],
    ['one of a policy', `HostName=h;SharedAccessKeyName=owner;SharedAccessKey=${key}`, /policy/],
    ['half of one', module.slice(0, -9), /not base64/],
    ['something else', `hello ${key}`, /has no HostName/],
    ['nothing', '\n', /empty/],
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

  it('a directory that cannot be written to', async () => {
    writeFileSync(directory, 'a file');
    await expect(run()).rejects.toThrow(/etc\/agent\.json|could not be written/);
    expect(readFileSync(directory, 'utf8')).toBe('a file');
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

describe('the command', () => {
  function command(args: readonly string[], input: string) {
    return new Promise<{ code: number | null; output: string }>((resolve) => {
      const child = spawn(process.execPath, [
        agentBundle,
        'enroll',
        '--directory',
        directory,
        ...args,
      ]);
      let output = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
      }
      child.stdin.on('error', () => undefined);
      child.stdin.end(input);
      child.once('close', (code) => resolve({ code, output }));
    });
  }

  it('reads the input or a file, says what it wrote and how to go on, and never shows the key', async () => {
    const piped = await command([], module);
    expect(piped).toMatchObject({ code: 0 });
    expect(piped.output).toMatch(/Enrolled as device-1\/azureiotsecurity at hub\.example/);
    expect(piped.output).toContain('run --config');
    expect(piped.output).not.toContain(key);
    const file = join(root, 'string');
    writeFileSync(file, module.replace('device-1', 'device-2'));
    chmodSync(file, 0o600);
    const named = await command(['--connection-string-file', file], '');
    expect(named.output).toContain('device-2');
  });

  it('ends with 78 when it cannot use what it was given', async () => {
    const { code, output } = await command([], 'HostName=h;DeviceId=d;SharedAccessKey=c2VjcmV0');
    expect(code).toBe(78);
    expect(output).toContain('connection string of the device');
    expect(output).not.toContain('c2VjcmV0');
  });
});
