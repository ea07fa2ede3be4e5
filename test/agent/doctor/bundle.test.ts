import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { doctor } from '../../../agent/commands/doctor.js';
import { writeBundle } from '../../../agent/doctor/bundle/bundle.js';
import { shownSettings } from '../../../agent/doctor/bundle/shown-settings.js';
import { tarArchive } from '../../../agent/doctor/bundle/tar.js';
import type { Finding } from '../../../agent/doctor/finding.js';
import { judge } from '../../../agent/status/health.js';
import { readLocalSettings } from '../../../config/read-local-settings.js';
import { anyCharacter } from '../../support/texts.js';
import { rootOf } from '../../support/captured-roots.js';
import { soundFacts } from '../../support/status-facts.js';

const key = 'c2VjcmV0LXNlY3JldC9zZWNyZXQ+c2VjcmV0LXNlY3JldA==';
const connectionString = `HostName=hub.example;DeviceId=device-1;ModuleId=m;SharedAccessKey=${key}`;
const proxyPassword = 'Tr0ub4dor&3/x';
const proxyLine = `anna:${proxyPassword}`;
const sasToken = `SharedAccessSignature sr=hub.example%2Fdevices&sig=${encodeURIComponent('q2w3e4r5t6z7u8i9o0=')}&se=1`;
const commandSecret = 'hunter2-hunter2';

/** In every form in which one of them could turn up. */
const secrets = [
  key,
  encodeURIComponent(key),
  proxyPassword,
  Buffer.from(proxyLine).toString('base64'),
  'q2w3e4r5t6z7u8i9o0',
  commandSecret,
];

let directory = '';
let configFile = '';
let bundle = '';
const at = (name: string): string => join(directory, name);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'doctor-'));
  configFile = at('agent.json');
  bundle = at('support.tar.gz');
  mkdirSync(at('run'));
  for (const [name, text] of [
    ['key', `${key}\n`],
    ['connection', `${connectionString}\n`],
    ['proxy', `${proxyLine}\n`],
  ] as const) {
    writeFileSync(at(name), text);
    chmodSync(at(name), 0o600);
  }
});
afterEach(() => rmSync(directory, { recursive: true }));

function configure(changes: object = {}, identity: object = { keyFile: at('key') }): void {
  writeFileSync(
    configFile,
    JSON.stringify({
      identity: { hostName: 'localhost', deviceId: 'device-1', ...identity },
      runtimeDirectory: at('run'),
      stateDirectory: at('state'),
      ...changes,
    }),
  );
}

/** The files of the archive, by a reader that is not ours. */
function unpacked(): ReadonlyMap<string, string> {
  const target = mkdtempSync(join(directory, 'unpacked-'));
  execFileSync('tar', ['-xzf', bundle, '-C', target]);
  const names = execFileSync('tar', ['-tzf', bundle], { encoding: 'utf8' }).trim().split('\n');
  return new Map(names.map((name) => [name, readFileSync(join(target, name), 'utf8')]));
}

function expectNoSecret(): void {
  const text = gunzipSync(readFileSync(bundle)).toString('latin1');
  for (const secret of secrets) expect(text).not.toContain(secret);
}

async function write(found: string, files: Readonly<Record<string, string>> = {}): Promise<void> {
  await writeBundle({
    file: bundle,
    configFile,
    rows: [{ check: 'twin', verdict: 'note', found, remedy: null }],
    examination: {
      findings: [] as Finding[],
      read: await readLocalSettings(configFile),
      answer: judge({ ...soundFacts, delivery: { ...soundFacts.delivery, failure: found } }),
    },
    paths: rootOf({ 'proc/cmdline': 'quiet\n', ...files }),
    wallMs: Date.now(),
  });
}

describe('the archive of doctor', () => {
  it('has what doctor found, the status, the settings and the versions, for its owner alone', async () => {
    configure();
    const status = judge({ ...soundFacts, agent: { ...soundFacts.agent, pid: process.pid } });
    const server = createServer((socket) => socket.end(JSON.stringify(status)));
    await new Promise<void>((done) => server.listen(join(at('run'), 'status.sock'), done));
    onTestFinished(() => void server.close());
    let told = '';
    await doctor({ configFile, json: true, bundle, write: (text) => (told += text) });
    expect(statSync(bundle).mode & 0o777).toBe(0o600);
    const files = unpacked();
    const json = (name: string): unknown =>
      JSON.parse(files.get(`iot-security-agent/${name}`) ?? '');
    expect(json('doctor.json')).toEqual(JSON.parse(told));
    expect(json('status.json')).toEqual(JSON.parse(JSON.stringify(status)));
    expect(json('agent.json')).toMatchObject({ identity: { deviceId: 'device-1' } });
    expect(json('versions.json')).toMatchObject({ node: process.version });
    expect(files.get('iot-security-agent/metrics.prom')).toContain('iot_security_agent_health');
    expect(files.get('iot-security-agent/README.txt')).toContain('journalctl -u');
    expect(files.get('iot-security-agent/proc/agent/status')).toContain('VmRSS');
    expectNoSecret();
  });

  it.each([
    ['a key', () => configure(), key],
    [
      'a connection string',
      () =>
        configure(
          {},
          { hostName: undefined, deviceId: undefined, connectionStringFile: at('connection') },
        ),
      `it said ${connectionString} and ${key}`,
    ],
    [
      'credentials of a proxy',
      () => configure({ proxy: 'http://proxy.example:3128', proxyCredentialsFile: at('proxy') }),
      `${proxyLine}, ${proxyPassword}, Basic ${Buffer.from(proxyLine).toString('base64')}`,
    ],
    ['a token', () => configure(), sasToken],
    ['a command line', () => configure(), `ran mysql --password=${commandSecret} -u root`],
    ['an address', () => configure(), `http://anna:${encodeURIComponent(proxyPassword)}@proxy`],
  ])('shows nothing of %s, wherever it stands', async (_, prepare, text) => {
    prepare();
    await write(text, {
      'proc/cmdline': `quiet ${text}\n`,
      'proc/42/status': `Name:\t${text}\n`,
      'etc/os-release': `NAME="${text}"\n`,
    });
    expectNoSecret();
    // That it would have been found.
    expect(unpacked().get('iot-security-agent/proc/cmdline')).toContain('***');
  });

  it.each([
    [
      'under a name that is no setting',
      { password: commandSecret, identity: { sharedAccessKey: key } },
    ],
    ['in the place of the file that holds it', { identity: { keyFile: key } }],
    ['as a name', { [key]: 1 }],
    ['as a pattern', { redactionPatterns: [commandSecret] }],
    ['in a list', { logLevel: [[key], { deep: { deeper: commandSecret } }] }],
  ])('shows no secret that was written into the settings %s', async (_, changes) => {
    configure(changes);
    let text = '';
    await doctor({ configFile, json: true, bundle, write: (line) => (text += line) });
    expectNoSecret();
    expect(text).not.toBe('');
  });

  it('can be read although a setting was misspelt', async () => {
    configure({ agent: true, logLevel: 'agent' });
    await write('the agent runs');
    expect(unpacked().get('iot-security-agent/doctor.json')).toContain('the agent runs');
  });

  it('shows nothing of settings that are not JSON', async () => {
    writeFileSync(configFile, `{"identity": {"sharedAccessKey": "${key}"`);
    await write('not JSON');
    expectNoSecret();
    expect(unpacked().get('iot-security-agent/agent.json')).toContain('it is not JSON');
  });

  it('is bounded, whatever the files hold', async () => {
    configure();
    const long = 'x'.repeat(10_000_000);
    await write(long, { 'proc/cmdline': long, 'proc/meminfo': long, 'etc/os-release': long });
    const files = unpacked();
    expect(files.get('iot-security-agent/doctor.json')).toMatch(/\[cut: it has \d+ bytes\]\n$/);
    expect([...files.values()].reduce((sum, { length }) => sum + length, 0)).toBeLessThan(
      2_200_000,
    );
  });

  it('can be looked at in a terminal', async () => {
    configure();
    await write('plain', { 'proc/version': 'Linux \u001b]0;owned\u0007 \u202e \u0000\n' });
    const text = unpacked().get('iot-security-agent/proc/version');
    expect(text).toBe('Linux \\u{1b}]0;owned\\u{7} \\u{202e} \\u{0}\n');
  });

  it('takes the place of a link, and follows none', async () => {
    configure();
    writeFileSync(at('victim'), 'mine');
    symlinkSync(at('victim'), bundle);
    symlinkSync(at('victim'), `${bundle}.new`);
    await write('plain');
    expect(readFileSync(at('victim'), 'utf8')).toBe('mine');
    expect(unpacked().size).toBeGreaterThan(4);
  });

  it('that cannot be written leaves nothing behind, and says so', async () => {
    configure();
    bundle = at('none/support.tar.gz');
    await expect(write('plain')).rejects.toThrow(/could not be written to .*name another file/);
    bundle = at('run');
    await expect(write('plain')).rejects.toThrow(/could not be written/);
    expect(existsSync(`${at('run')}.new`)).toBe(false);
  });
});

describe('the settings that are shown', () => {
  it('are those that a setting takes', () => {
    const { hidden, shown } = shownSettings(
      JSON.stringify({
        identity: { deviceId: 'd', Key: 'k' },
        logLevel: 'loud',
        metricsFile: '/a.prom',
      }),
    );
    expect(shown).toEqual({
      identity: { deviceId: 'd', '(1 that are no settings)': '(not shown)' },
      logLevel: '(not shown)',
      metricsFile: '/a.prom',
    });
    expect(hidden).toEqual(['k', 'loud']);
  });

  it('are none of what is no object, and never an error', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: anyCharacter }), (value, text) => {
        shownSettings(JSON.stringify({ identity: value, audit: value, proxy: value }));
        shownSettings(text);
      }),
    );
  });
});

describe('an archive', () => {
  it('is read back as it was written, whatever its files hold', () => {
    const content = fc.uint8Array({ maxLength: 1500 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.array(content, { maxLength: 5 }), (contents) => {
        const archive = at('plain.tar');
        const entries = contents.map((bytes, index) => ({ name: `d/${index}`, content: bytes }));
        writeFileSync(archive, tarArchive(entries, 1_700_000_000_000));
        if (entries.length === 0) return;
        const back = execFileSync('tar', ['-xOf', archive]);
        expect(back.equals(Buffer.concat(contents))).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it('refuses a name that does not fit', () => {
    const entry = { name: 'x'.repeat(101), content: Buffer.alloc(0) };
    expect(() => tarArchive([entry], 0)).toThrow(/name does not fit/);
  });
});
