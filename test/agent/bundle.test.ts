import {
  copyFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentBundle, deviceId, Fixture, runCommandLine } from '../support/running-agent.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'agent-bundle-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** What anybody could send something to: TCP sockets that listen, and every UDP socket, as rows of proc(5) `net`. */
function openPorts(pid: number): readonly string[] {
  const inodes = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
    } catch {
      return undefined; // Closed meanwhile, as the files that the agent reads are.
    }
  });
  return ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((protocol) => {
    const rows = readFileSync(`/proc/${pid}/net/${protocol}`, 'latin1').trim().split('\n').slice(1);
    return rows.filter((row) => {
      const [, , , state, , , , , , inode] = row.trim().split(/\s+/);
      return inodes.includes(inode) && (state === '0A' || protocol.startsWith('udp'));
    });
  });
}

describe('the bundle', () => {
  it('runs from an empty directory, with nothing but the native part beside it', async () => {
    const bundle = join(directory, 'agent.cjs');
    copyFileSync(agentBundle, bundle);
    cpSync(join(dirname(agentBundle), 'koffi'), join(directory, 'koffi'), { recursive: true });
    const fixture = new Fixture();
    await fixture.startHub();
    try {
      fixture.configure();
      await fixture.startAgent(bundle);
      expect(fixture.log.join('\n')).toContain('ready');
      expect(await fixture.stopAgent()).toEqual({ code: 0, signal: null });
    } finally {
      await fixture.close();
    }
  });

  it('opens no port while it is connected', async () => {
    const fixture = new Fixture();
    await fixture.startHub();
    try {
      fixture.configure();
      await fixture.startAgent();
      await fixture.hub.awaitTwin(
        deviceId,
        ({ reported }) => Object.keys(reported).length > 0,
        10_000,
      );
      expect(openPorts(fixture.agent?.pid ?? 0)).toEqual([]);
      // The stand-in hub of this process does open one.
      expect(openPorts(process.pid)).not.toEqual([]);
    } finally {
      await fixture.close();
    }
  });

  it('cannot start a program: nothing in it loads child_process', () => {
    expect(readFileSync(agentBundle, 'utf8')).not.toMatch(/require\(["'](?:node:)?child_process/);
  });

  it('is ASCII alone, of which V8 keeps each character in one byte and not in two', () => {
    expect(/[\u0080-\uffff]/.exec(readFileSync(agentBundle, 'utf8'))?.[0]).toBeUndefined();
  });

  it('runs without the native part, on what can be read without it', async () => {
    const bundle = join(directory, 'agent.cjs');
    copyFileSync(agentBundle, bundle);
    const { code, stdout } = await runCommandLine(['collect', 'ListeningPorts', '--json'], {
      bundle,
      cwd: directory,
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ Name: 'ListeningPorts', Category: 'Periodic' });
  });
});
