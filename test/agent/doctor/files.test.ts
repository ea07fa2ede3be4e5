import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Finding } from '../../../agent/doctor/finding.js';
import { checkPermissions } from '../../../agent/doctor/permissions.js';
import { checkSpool } from '../../../agent/doctor/spool.js';
import { roomFinding } from '../../../agent/doctor/state-directory.js';
import { judge } from '../../../agent/status/health.js';
import { readLocalSettings } from '../../../config/read-local-settings.js';
import { soundFacts } from '../../support/status-facts.js';

const ownUid = process.geteuid?.() ?? 0;
const self = { ids: { uid: ownUid, gids: [process.getegid?.() ?? 0] }, isOfUnit: false };
const nobody = { unanswered: 'The agent is not running.', forbidden: false };

let directory = '';
const at = (...names: readonly string[]): string => join(directory, ...names);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'doctor-'));
  mkdirSync(at('etc'), { mode: 0o750 });
  mkdirSync(at('state', 'spool'), { recursive: true, mode: 0o700 });
  mkdirSync(at('run'));
  const write = (path: string, text: string, mode: number): void => {
    writeFileSync(path, text);
    chmodSync(path, mode);
  };
  write(at('etc', 'key'), 'c2VjcmV0LXNlY3JldC1zZWNyZXQ=\n', 0o600);
  write(at('etc', 'ca.pem'), 'certificates\n', 0o644);
  write(
    at('etc', 'agent.json'),
    JSON.stringify({
      identity: { hostName: 'localhost', deviceId: 'device-1', keyFile: at('etc', 'key') },
      trustedCaFile: at('etc', 'ca.pem'),
      stateDirectory: at('state'),
      runtimeDirectory: at('run'),
    }),
    0o640,
  );
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('the permissions', () => {
  const check = async (user: Parameters<typeof checkPermissions>[2] = self) => {
    const read = await readLocalSettings(at('etc', 'agent.json'));
    if ('problems' in read) throw new Error(JSON.stringify(read.problems));
    return checkPermissions(at('etc', 'agent.json'), read.settings, user);
  };
  const wrong = (findings: readonly Finding[]) =>
    findings.filter(({ verdict }) => verdict !== 'ok');

  it('that are right are told with owner and mode', async () => {
    const findings = await check();
    expect(wrong(findings)).toEqual([]);
    const text = findings.map(({ found }) => found).join('\n');
    expect(text).toMatch(/agent\.json has mode 0640 and belongs to \d+:\d+/);
    expect(text).toMatch(/key has mode 0600/);
    expect(text).toMatch(/ca\.pem has mode 0644/);
    expect(text).toMatch(/state has 1 entries/);
  });

  it.each([
    [
      'settings that others may write',
      'agent.json',
      0o666,
      /could change who this device is/,
      /^chmod go-w /,
    ],
    [
      'certificates that others may write',
      'ca.pem',
      0o664,
      /could change what is trusted/,
      /^chmod go-w /,
    ],
    ['a key that others may read', 'key', 0o644, /could read or change the secret/, /^chmod 600 /],
  ])('of %s are to be mended', async (_, name, mode, found, remedy) => {
    chmodSync(at('etc', name), mode);
    const findings = wrong(await check());
    expect(findings).toHaveLength(1);
    expect(findings[0]?.verdict).toBe('mend');
    expect(findings[0]?.found).toMatch(found);
    expect(findings[0]?.remedy).toMatch(remedy);
  });

  it('of a directory in which everybody may replace the settings are to be mended', async () => {
    chmodSync(at('etc'), 0o777);
    const [finding, ...others] = wrong(await check());
    expect(others).toEqual([]);
    expect(finding?.found).toMatch(/everybody could put another configuration into it/);
    chmodSync(at('etc'), 0o1777);
    expect(wrong(await check())).toEqual([]);
  });

  it('of settings that the user of the agent may not read are to be mended', async () => {
    const stranger = { ids: { uid: ownUid + 1, gids: [4_000_000] }, isOfUnit: true };
    const faults = wrong(await check(stranger)).map(({ found, remedy }) => `${found}; ${remedy}`);
    expect(faults.join('\n')).toMatch(
      /agent\.json .*may not read it; chown root:4000000 .*agent\.json && chmod 640/,
    );
    expect(faults.join('\n')).toMatch(/entries of .*state do not belong to user .*; chown -R/);
  });

  it.runIf(ownUid === 0)(
    'of a secret that root alone may read and nobody hands over are to be mended',
    async () => {
      const agent = { ids: { uid: 65_534, gids: [4_000_000] }, isOfUnit: true };
      const faults = wrong(await check(agent)).filter(({ found }) => found.includes('/key '));
      expect(faults).toHaveLength(1);
      expect(faults[0]?.found).toMatch(
        /key has mode 0600 .*user 65534, who runs the agent, may not read it/,
      );
      expect(faults[0]?.remedy).toMatch(/^chown root:4000000 .*key && chmod 640 /);
    },
  );

  it('of a status socket that is open to everybody are noted', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(at('run', 'status.sock'), done));
    chmodSync(at('run', 'status.sock'), 0o660);
    expect(wrong(await check())).toEqual([]);
    chmodSync(at('run', 'status.sock'), 0o666);
    expect(wrong(await check())).toMatchObject([{ verdict: 'note' }]);
    await new Promise((done) => server.close(done));
  });

  it('are looked at without following a link in the state into a circle', async () => {
    symlinkSync(at('state'), at('state', 'spool', 'back'));
    expect(wrong(await check())).toEqual([]);
  });
});

describe('the spool', () => {
  it('of an agent that does not run is counted by its files', async () => {
    expect(await checkSpool(at('none'), nobody)).toMatchObject({ verdict: 'ok' });
    writeFileSync(at('state', 'spool', 'high-1'), 'x'.repeat(2048));
    symlinkSync('1 2 3', at('state', 'spool', 'lock'));
    const found = await checkSpool(at('state'), nobody);
    expect(found).toMatchObject({
      verdict: 'ok',
      found: expect.stringMatching(/^2\.0 KB in 1 files/) as unknown,
    });
    writeFileSync(at('state', 'spool', 'low-1.quarantine'), 'x');
    expect(await checkSpool(at('state'), nobody)).toMatchObject({ verdict: 'note' });
  });

  it('of a running agent is told by that: full, or refused by the disk', async () => {
    const spool = (changes: Partial<typeof soundFacts.spool>) =>
      checkSpool(at('state'), judge({ ...soundFacts, spool: { ...soundFacts.spool, ...changes } }));
    expect(await spool({})).toMatchObject({
      verdict: 'ok',
      found: '13 events wait for the hub, the oldest for 3 min, in 4.0 KB of 2.4 MB',
    });
    expect((await spool({ diskBytes: 2_500_000 })).verdict).toBe('note');
    expect((await spool({ problem: 'no space left on device (ENOSPC)' })).verdict).toBe('mend');
  });
});

describe('the disk', () => {
  const room = { freeBytes: 1e9, inodes: 1e6, freeInodes: 1e5 };
  it.each([
    ['has room', {}, 'ok'],
    ['is full', { freeBytes: 1e6 }, 'mend'],
    ['takes no more files', { freeInodes: 3 }, 'mend'],
    ['has no table of inodes', { inodes: 0, freeInodes: 0 }, 'ok'],
  ])('that %s', (_, changes, verdict) => {
    expect(roomFinding('/var', { ...room, ...changes }).verdict).toBe(verdict);
  });
});
