import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import type { Host, HostSettings } from '../../collectors/interface/host.js';
import type { Paths } from '../../collectors/kernel/paths.js';
import { FakeClock } from './fake-clock.js';

/**
 * A copy of one of the captured trees under `cases/`, each named for where it came from. Its symbolic links stand in
 * `links.txt`, because tools that walk the checkout would follow them out of it. Removed after the test file.
 */
export function casePaths(name: string): Paths {
  const source = fileURLToPath(new URL(`../collectors/cases/${name}`, import.meta.url));
  const root = mkdtempSync(join(tmpdir(), `case-${name}-`));
  afterAll(() => rmSync(root, { recursive: true }));
  cpSync(source, root, { recursive: true });
  const links = join(root, 'links.txt');
  const lines = existsSync(links) ? readFileSync(links, 'utf8').split('\n') : [];
  for (const line of lines) {
    const [path, target] = line.split('\t');
    if (path === undefined || target === undefined) continue;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    symlinkSync(target, join(root, path));
  }
  return { procRoot: join(root, 'proc'), etcRoot: join(root, 'etc'), logRoot: join(root, 'log') };
}

export const caseSettings: HostSettings = {
  processSource: 'auto',
  processPollingInterval: { text: 'PT1S', ms: 1000 },
  connectionSource: 'auto',
  loginSource: 'auto',
  reportLoopbackConnections: true,
  executableHashBytesPerSecond: 0,
  audit: { own: 'auto', receiveBufferBytes: 65_536 },
};

/** A host on which nothing is available but what the test gives it. */
export function fakeHost(parts: Partial<Host> = {}): Host {
  const refuse = () => Promise.resolve({ unavailable: 'Not in this test.' });
  return {
    ownPid: 999_999,
    paths: { procRoot: '/nonexistent', etcRoot: '/nonexistent', logRoot: '/nonexistent' },
    clock: new FakeClock(),
    byteOrder: 'LE',
    settings: caseSettings,
    audit: { subscribe: refuse },
    processEvents: { subscribe: refuse },
    processes: {
      of: () => undefined,
      follow: refuse,
      feed: () => ({ executed: () => undefined, end: () => undefined }),
    },
    socketStates: { subscribe: refuse },
    endedSockets: { subscribe: refuse },
    journal: { subscribe: refuse },
    users: { nameOf: () => undefined, uidOf: () => undefined },
    executableHashes: { enabled: false, hashOf: () => Promise.resolve('') },
    ...parts,
  };
}
