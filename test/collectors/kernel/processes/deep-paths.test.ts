import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../base/clock.js';
import { isUnavailable } from '../../../../base/unavailable.js';
import { hostPaths } from '../../../../collectors/kernel/paths.js';
import {
  readExecutable,
  readProcess,
  readSocketInode,
} from '../../../../collectors/kernel/processes/proc.js';
import { ProcessTable } from '../../../../collectors/kernel/processes/process-table.js';
import { connectionOf } from '../../../../collectors/kernel/sockets/process-connection.js';
import { findSocketOwners } from '../../../../collectors/kernel/sockets/socket-owners.js';

/** Anybody can make it: its program, its directory and an open file have paths that are longer than the kernel tells. */
const hide = `
name=$(printf '%0200d' 0)
for level in $(seq 30); do mkdir $name && cd -P $name || exit 1; done
cp "$(readlink -f "$(command -v sleep)")" program && exec 3>file && echo hidden && exec ./program 600`;

describe('a process with paths that are too long to be told', () => {
  let directory = '';
  let child: ChildProcess;
  let pid = 0;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'deep-'));
    child = spawn('/bin/sh', ['-c', hide], {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    pid = child.pid ?? 0;
    if (child.stdout !== null) await once(child.stdout, 'data');
    while (readProcess(hostPaths, pid)?.argv?.[1] !== '600') await new Promise(setImmediate);
  });

  afterAll(() => {
    child.kill('SIGKILL');
    // By paths it cannot be removed.
    execFileSync('rm', ['-rf', directory]);
  });

  it('is told without them', () => {
    const facts = readProcess(hostPaths, pid);
    expect(facts).toMatchObject({ pid, argv: ['./program', '600'] });
    expect(facts?.executable).toBeUndefined();
    expect(facts?.workingDirectory).toBeUndefined();
    expect(readExecutable(hostPaths, pid)).toBeUndefined();
    expect(connectionOf(hostPaths, 'LE', pid, '192.0.2.1')).toBeUndefined();
  });

  it('hides no owner of a socket', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { fd = -1 } = (server as unknown as { _handle: { fd?: number } })._handle;
    const inode = readSocketInode(hostPaths, process.pid, fd) ?? 0;
    const { signal } = new AbortController();
    // A second one that nobody has, so that every process is looked at.
    const found = await findSocketOwners(hostPaths, systemClock, new Set([inode, -1]), signal);
    expect(found.pidByInode.get(inode)).toBe(process.pid);
    server.close();
  });

  it('does not keep the process table from looking at all others', async () => {
    const table = new ProcessTable({
      paths: hostPaths,
      clock: systemClock,
      uptimeMs: () => uptime() * 1000,
      events: { subscribe: () => Promise.resolve({ end: () => undefined }) },
    });
    const following = await table.follow({ onFailed: () => undefined });
    if (isUnavailable(following)) throw new Error(following.unavailable);
    expect(table.of(process.pid)?.executable).toBe(process.execPath);
    following.end();
  });
});
