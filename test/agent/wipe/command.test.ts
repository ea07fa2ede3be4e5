import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { wipe } from '../../../agent/commands/wipe.js';
import { judge } from '../../../agent/status/health.js';
import { listTraces, removeTraces } from '../../../agent/wipe/wipe.js';
import { parseLocalSettings } from '../../../config/parse-local-settings.js';
import { soundFacts } from '../../support/status-facts.js';

let root = '';
let configFile = '';
let said: string[] = [];
let restored: string[] = [];

const files: Readonly<Record<string, string>> = {
  'etc/agent.json': '',
  'etc/agent.json.before-enroll': '{}',
  'etc/module.key': 'secret',
  'etc/module.key.new': 'secret',
  'etc/notes.txt': "the operator's",
  'elsewhere/device.pem': 'secret',
  'state/agent-id': 'x',
  'state/desired.json': '{}',
  'state/counters.json.quarantine': '{}',
  'state/audit-changes.json': '{}',
  'state/spool/high-000000000000001.journal': 'x',
  'state/spool/low-000000000000007.journal.quarantine': 'x',
  'state/spool/heads': 'x',
  'state/memory/users.json': '{}',
  'state/history/kept-000000000000003.journal': 'x',
  'state/aggregates/aggregates-000000000000001.journal': 'x',
  'prometheus/agent.prom': 'x',
  'prometheus/other.prom': 'x',
};
const settings = () => ({
  identity: {
    mode: 'device',
    hostName: 'hub.example',
    deviceId: 'device-1',
    certificateFile: join(root, 'elsewhere/device.pem'),
    privateKeyFile: join(root, 'etc/module.key'),
  },
  stateDirectory: join(root, 'state'),
  runtimeDirectory: join(root, 'run'),
  metricsFile: join(root, 'prometheus/agent.prom'),
});

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wipe-'));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  mkdirSync(join(root, 'run'));
  symlinkSync('4194304 1 none', join(root, 'state/spool/lock'));
  configFile = join(root, 'etc/agent.json');
  writeFileSync(configFile, JSON.stringify(settings()));
  said = [];
  restored = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const say = (line: string): void => void said.push(line.replaceAll(root, ''));
const run = (changes: Partial<Parameters<typeof wipe>[0]> = {}) =>
  wipe({
    configFile,
    dryRun: false,
    agreed: true,
    ask: () => Promise.reject(new Error('asked')),
    restore: (directory) => {
      // The note of what is to be undone is there still.
      restored.push(...readdirSync(directory));
      return Promise.resolve();
    },
    write: say,
    warn: say,
    ...changes,
  });
const everything = (): string[] =>
  (readdirSync(root, { recursive: true }) as string[]).filter((path) => path.includes('.')).sort();

describe('wipe', () => {
  it('takes back what was changed in the kernel, then removes what is the agent’s and nothing else', async () => {
    expect(await run()).toBe(1);
    expect(restored).toContain('audit-changes.json');
    expect(everything()).toEqual([
      'elsewhere/device.pem',
      'etc/notes.txt',
      'prometheus/other.prom',
    ]);
    expect(existsSync(join(root, 'state'))).toBe(false);
    expect(existsSync(join(root, 'run'))).toBe(false);
    expect(said).toContain('removed: /etc/module.key (a secret, overwritten first)');
    expect(said).toContain('removed: /state/spool/high-000000000000001.journal');
    expect(said).toContainEqual(
      expect.stringMatching(/^stays: \/elsewhere\/device\.pem: the settings name it, outside of/),
    );
    expect(said.at(-1)).toContain('flash');
  });

  it('ends well where nothing is left, also the second time', async () => {
    const { identity, ...others } = settings();
    writeFileSync(
      configFile,
      JSON.stringify({
        ...others,
        identity: { ...identity, certificateFile: join(root, 'etc/module.key') },
      }),
    );
    expect(await run()).toBe(0);
    expect(existsSync(configFile)).toBe(false);
    expect(readFileSync(join(root, 'etc/notes.txt'), 'utf8')).toBe("the operator's");
  });

  it('only lists with --dry-run, the same that it removes', async () => {
    const before = everything();
    expect(await run({ dryRun: true, agreed: false })).toBe(0);
    expect(everything()).toEqual(before);
    expect(restored).toEqual([]);
    const listed = said.filter((line) => line.startsWith('would be removed: '));
    said = [];
    await run();
    const removed = said.filter((line) => line.startsWith('removed: '));
    expect(listed.map((line) => line.slice('would be '.length))).toEqual(removed);
  });

  it.each<[string, string | undefined, string]>([
    ['nobody is there', undefined, 'run this with --yes'],
    ['somebody types something else', 'yes', 'Nothing was removed.'],
  ])('removes nothing unasked: %s', async (_, answer, says) => {
    const before = everything();
    const asked = run({ agreed: false, ask: () => Promise.resolve(answer) });
    await expect(asked).rejects.toThrow(says);
    expect(everything()).toEqual(before);
    expect(restored).toEqual([]);
  });

  it.each(['etc', 'etc/notes.txt', 'etc/no.json'])(
    'is refused where --config names no settings: %s',
    async (path) => {
      const before = everything();
      await expect(run({ configFile: join(root, path) })).rejects.toMatchObject({ exitCode: 78 });
      expect(everything()).toEqual(before);
      expect(restored).toEqual([]);
    },
  );

  it('leaves a directory that the settings name in place of a file, with what is in it', async () => {
    mkdirSync(join(root, 'etc/keys'));
    writeFileSync(join(root, 'etc/keys/other.key'), '');
    mkdirSync(join(root, 'prometheus/all.prom'));
    writeFileSync(join(root, 'prometheus/all.prom/other.prom'), '');
    const { identity, ...others } = settings();
    const named = { ...identity, privateKeyFile: join(root, 'etc/keys') };
    const metricsFile = join(root, 'prometheus/all.prom');
    writeFileSync(configFile, JSON.stringify({ ...others, identity: named, metricsFile }));
    await run();
    expect(existsSync(join(root, 'etc/keys/other.key'))).toBe(true);
    expect(existsSync(join(root, 'prometheus/all.prom/other.prom'))).toBe(true);
  });

  it('removes when somebody agrees', async () => {
    await run({ agreed: false, ask: () => Promise.resolve(' Wipe\n') });
    expect(existsSync(configFile)).toBe(false);
  });

  it('is refused while the agent runs', async () => {
    const server = createServer((socket) => socket.end(JSON.stringify(judge(soundFacts))));
    await new Promise<void>((done) => server.listen(join(root, 'run', 'status.sock'), done));
    onTestFinished(() => void server.close());
    const before = everything();
    await expect(run()).rejects.toMatchObject({
      exitCode: 75,
      message:
        'This is refused, because the agent runs (pid 42): stop it for good with systemctl disable --now iot-security-agent.service, then run this again as root; nothing was removed.',
    });
    expect(everything()).toEqual(before);
  });

  it('is refused while an agent that does not answer holds the spool', async () => {
    const stat = readFileSync(`/proc/${process.pid}/stat`, 'utf8');
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    rmSync(join(root, 'state/spool/lock'));
    symlinkSync(`${process.pid} ${ticks} ${boot}`, join(root, 'state/spool/lock'));
    await expect(run()).rejects.toMatchObject({ exitCode: 75 });
  });

  it('keeps the note of what is to be undone where the kernel could not be mended, and says so', async () => {
    const code = await run({
      restore: (_, warn) => {
        warn('Kernel audit may be left changed: it is locked.');
        return Promise.resolve();
      },
    });
    expect(code).toBe(1);
    expect(readdirSync(join(root, 'state'))).toEqual(['audit-changes.json']);
    expect(said).toContain('stays: /state/audit-changes.json: it says what is to be undone');
  });

  it('leaves in a directory that is none of the agent’s what only has such a name', async () => {
    // As if somebody had set stateDirectory to /var.
    rmSync(join(root, 'state'), { recursive: true });
    for (const path of ['spool/cron/root', 'spool/mail', 'lib/x', 'agent-id.mine']) {
      mkdirSync(dirname(join(root, 'state', path)), { recursive: true });
      writeFileSync(join(root, 'state', path), '');
    }
    const before = everything().filter((path) => path.startsWith('state'));
    await run();
    expect(everything().filter((path) => path.startsWith('state'))).toEqual(before);
    expect(existsSync(join(root, 'state/spool/cron/root'))).toBe(true);
    expect(existsSync(join(root, 'state/spool/mail'))).toBe(true);
  });
});

describe('the standard directories', () => {
  it('are removed whole, with all secrets that the unit knows', async () => {
    const standard = {
      configuration: join(root, 'etc'),
      state: join(root, 'state'),
      runtime: join(root, 'run'),
      cache: join(root, 'cache'),
    };
    mkdirSync(join(root, 'cache/v8'), { recursive: true });
    writeFileSync(join(root, 'cache/v8/code'), '');
    writeFileSync(join(root, 'etc/certificate.pfx'), 'secret');
    writeFileSync(join(root, 'state/whatever'), '');
    const read = parseLocalSettings(readFileSync(configFile, 'utf8'), configFile);
    if (!('settings' in read)) expect.unreachable(JSON.stringify(read));
    const options = { configFile, settings: read.settings, standard };
    const listed = await listTraces(options);
    const { removed } = await removeTraces(options);
    expect(removed).toEqual(listed.removed);
    expect(readdirSync(root).sort()).toEqual(['elsewhere', 'prometheus']);
    const secrets = removed.filter(({ secret }) => secret !== undefined);
    expect(secrets.map(({ path }) => path.slice(root.length)).sort()).toEqual([
      '/etc/certificate.pfx',
      '/etc/module.key',
      '/etc/module.key.new',
    ]);
  });
});
