import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  agentBundle,
  desired,
  deviceId,
  Fixture,
  payloadsOf,
  quick,
} from '../support/running-agent.js';

type Change = (path: string) => void;

const replaceBy =
  (make: Change): Change =>
  (path) => {
    rmSync(path, { recursive: true, force: true });
    make(path);
  };

const isFile = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** What can become of a file or directory by a defect of the disk, an administrator or another program. */
const changes: Readonly<Record<string, Change>> = {
  missing: replaceBy(() => undefined),
  'a directory': replaceBy((path) => mkdirSync(join(path, 'in the way'), { recursive: true })),
  'a named pipe': replaceBy((path) => execFileSync('mkfifo', [path])),
  'a link to nowhere': replaceBy((path) => symlinkSync('/nowhere/at/all', path)),
  'a link without end': replaceBy((path) => symlinkSync('/dev/zero', path)),
  empty: replaceBy((path) => writeFileSync(path, '')),
  'a giant': replaceBy((path) => {
    writeFileSync(path, '');
    // Sparse: it takes no space, but whoever reads it gets all of it.
    truncateSync(path, 8 * 1024 ** 3);
  }),
  'foreign text': replaceBy((path) => writeFileSync(path, '{"format":1,"__proto__":{"x":[]}}\n')),
  'cut in the middle': (path) => {
    if (isFile(path)) truncateSync(path, Math.floor(statSync(path).size / 2));
  },
  'full of flipped bits': (path) => {
    if (!isFile(path)) return;
    const bytes = readFileSync(path);
    writeFileSync(
      path,
      bytes.map((byte, index) => (index % 7 === 3 ? byte ^ 0x10 : byte)),
    );
  },
};

describe('whatever the state directory contains, the next start works', () => {
  const fixture = new Fixture();
  const state = join(fixture.directory, 'state');

  beforeAll(async () => {
    await fixture.startHub();
    fixture.configure();
    fixture.hub.patchDesired(deviceId, desired({ ...quick, snapshotFrequency: 'PT1S' }));
  });
  afterAll(() => fixture.close());

  it.each(Object.entries(changes))(
    'everything in it %s',
    async (_name, change) => {
      await fixture.startAgent();
      await fixture.hub.awaitMessages(
        (all) => payloadsOf(all, 'ListeningPorts').length > 0,
        20_000,
      );
      await fixture.killAgent();
      const entries = readdirSync(state, { recursive: true, encoding: 'utf8' });
      expect(entries.length).toBeGreaterThan(4);
      // The innermost first, so that what is replaced was changed before.
      for (const entry of entries.sort((a, b) => b.length - a.length)) change(join(state, entry));
      fixture.hub.clearMessages();
      await fixture.startAgent();
      await fixture.hub.awaitMessages(
        (all) => payloadsOf(all, 'ListeningPorts').length > 0,
        20_000,
      );
      expect(await fixture.stopAgent()).toEqual({ code: 0, signal: null });
    },
    60_000,
  );

  // Only root can take a file from somebody, and nothing keeps root from reading.
  it.runIf(process.getuid?.() === 0).each([
    ['its files', (path: string) => isFile(path)],
    ['its directories', (path: string) => !isFile(path)],
  ])(
    'permission to %s taken away from the user that the agent runs as',
    async (_name, taken) => {
      const nobody = 65_534;
      const own = (path: string): void => lchownSync(path, nobody, nobody);
      fixture.configure();
      lchownSync(fixture.keyFile, 0, 0);
      rmSync(state, { recursive: true, force: true });
      await fixture.startAgent();
      await fixture.killAgent();
      for (const entry of readdirSync(fixture.directory, { recursive: true, encoding: 'utf8' }))
        own(join(fixture.directory, entry));
      own(fixture.directory);
      for (const entry of readdirSync(state, { recursive: true, encoding: 'utf8' })) {
        const path = join(state, entry);
        if (!taken(path) || lstatSync(path).isSymbolicLink()) continue;
        lchownSync(path, 0, 0);
        chmodSync(path, 0o700);
      }
      const agent = spawn(process.execPath, [agentBundle, 'run', '--config', fixture.configFile], {
        uid: nobody,
        gid: nobody,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      // Also when nothing arrives: it would go on writing where nothing is left.
      onTestFinished(() => void agent.kill('SIGKILL'));
      fixture.hub.clearMessages();
      await fixture.hub.awaitMessages(
        (all) => payloadsOf(all, 'ListeningPorts').length > 0,
        20_000,
      );
      agent.kill('SIGTERM');
      expect(await once(agent, 'exit')).toEqual([0, null]);
    },
    60_000,
  );
});
