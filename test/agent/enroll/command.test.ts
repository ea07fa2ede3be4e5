import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentBundle } from '../../support/running-agent.js';

const key = Buffer.from('a very secret key').toString('base64');
const module = `HostName=hub.example;DeviceId=device-1;ModuleId=azureiotsecurity;SharedAccessKey=${key}`;

let root = '';
let directory = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'enroll-'));
  directory = join(root, 'etc');
});
afterEach(() => rmSync(root, { recursive: true }));

const settings = (): Record<string, unknown> =>
  JSON.parse(readFileSync(join(directory, 'agent.json'), 'utf8')) as Record<string, unknown>;

describe('the command enroll', () => {
  function command(args: readonly string[], input: string | Buffer) {
    return new Promise<{ code: number | null; output: string }>((resolve) => {
      const child = spawn(process.execPath, [
        agentBundle,
        'enroll',
        '--no-try',
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

  it('never shows a secret that was given as an argument', async () => {
    for (const args of [[module], ['--', module], ['--connection-string-file', module]]) {
      const { code, output } = await command(args, '');
      expect(code).toBe(78);
      expect(output).toMatch(/never from an argument|paste the connection string/);
      expect(output).not.toContain(key);
    }
    expect(existsSync(directory)).toBe(false);
  });

  it.each(['key-file', 'group-key-file', 'password-file', 'certificate-file'])(
    'never shows what was given to --%s in place of a file',
    async (option) => {
      const long = Buffer.alloc(32, 'a very secret key').toString('base64');
      for (const secret of [long, 'Pass/word1']) {
        const { code, output } = await command([`--${option}`, secret], '');
        expect([77, 78]).toContain(code);
        expect(output).toContain(`--${option}`);
        expect(output).not.toContain(secret);
      }
      expect(existsSync(directory)).toBe(false);
    },
  );

  it('never shows a key that was given as a name', async () => {
    const long = Buffer.alloc(32, 0xfb).toString('base64');
    const file = join(root, 'key');
    writeFileSync(file, key, { mode: 0o600 });
    const who = ['--key-file', file, '--registration-id', 'r', '--id-scope', long];
    const { code, output } = await command(who, '');
    expect(code).toBe(78);
    expect(output).toContain('identity.dps.idScope');
    expect(output).not.toContain(long.slice(0, 10));
  });

  it('says where messages go, and what the security marker would change', async () => {
    expect((await command([], module)).output).toContain(
      `set "securityMarker": true in ${join(directory, 'agent.json')}`,
    );
    const settingsFile = join(directory, 'agent.json');
    writeFileSync(settingsFile, JSON.stringify({ ...settings(), securityMarker: true }));
    expect((await command([], module)).output).toContain('remove "securityMarker" from');
  });

  it.each(['pipe', 'file'])('names the encoding of a %s that is not UTF-8', async (way) => {
    const file = join(root, 'string');
    writeFileSync(file, `\uFEFF${module}`, { encoding: 'utf16le', mode: 0o600 });
    const { code, output } =
      way === 'file'
        ? await command(['--connection-string-file', file], '')
        : await command([], readFileSync(file));
    expect(code).toBe(78);
    expect(output).toMatch(/is encoded in UTF-16 \(little-endian\).*save it as UTF-8/);
    expect(output).not.toContain(key.slice(0, 10));
    expect(existsSync(directory)).toBe(false);
  });

  it('ends with 78 when it cannot use what it was given', async () => {
    const policy = 'HostName=h;SharedAccessKeyName=owner;SharedAccessKey=c2VjcmV0';
    const { code, output } = await command([], policy);
    expect(code).toBe(78);
    expect(output).toContain('a policy of the hub');
    expect(output).not.toContain('c2VjcmV0');
    const nothing = await command([], '\n');
    expect(nothing).toMatchObject({ code: 78 });
    expect(nothing.output).toContain('The input is empty');
  });

  it('takes the device of a connection string, and a key with whose it is', async () => {
    const device = await command([], `HostName=h.example;DeviceId=d;SharedAccessKey=${key}`);
    expect(device.output).toContain('Enrolled as d/azureiotsecurity at h.example');
    expect(settings()['identity']).toMatchObject({ mode: 'device' });
    const file = join(root, 'key');
    writeFileSync(file, key, { mode: 0o600 });
    const names = ['--mode', 'module', '--host-name', 'h.example'];
    const lacking = await command(['--key-file', file, ...names], '');
    expect(lacking.output).toContain('name the device with --device-id');
    const named = await command(['--key-file', file, ...names, '--device-id', 'd-2'], '');
    expect(named.output).toContain('Enrolled as d-2/azureiotsecurity at h.example');
    expect(readFileSync(join(directory, 'module.key'), 'utf8')).toBe(`${key}\n`);
    expect(named.output).not.toContain(key);
  });
});
