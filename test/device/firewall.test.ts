import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Event } from '../support/running-agent.js';
import { agentBundle } from '../support/running-agent.js';
import { until } from '../support/device/audit-support.js';

const run = promisify(execFile);

/** A network namespace of its own, so that the packet filter of this machine stays as it is. */
let holder: ChildProcess;
let inventory: ChildProcess;
let directory: string;

const inside = (program: string, ...args: string[]) =>
  run('nsenter', ['-t', String(holder.pid), '-n', '--', program, ...args], {
    maxBuffer: 16 * 1024 * 1024,
  });

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'firewall-'));
  holder = spawn('unshare', ['-n', 'sleep', '600'], { stdio: 'ignore' });
  const ownNamespace = await run('readlink', ['/proc/self/ns/net']);
  const isThere = async (): Promise<boolean> => {
    const { stdout } = await run('readlink', [`/proc/${holder.pid}/ns/net`]);
    return stdout !== ownNamespace.stdout;
  };
  let there = false;
  await until('the network namespace', 5_000, () => {
    void isThere().then((answer) => (there = answer));
    return there;
  });
  const command = [process.execPath, agentBundle, 'inventory', '--listen', directory];
  inventory = spawn('nsenter', ['-t', String(holder.pid), '-n', '--', ...command], {
    stdio: 'ignore',
  });
  await until('the inventory process', 10_000, () => existsSync(join(directory, 'firewall')));
});

afterEach(() => {
  inventory.kill();
  holder.kill();
  rmSync(directory, { recursive: true, force: true });
});

async function collect(): Promise<Event['Payload']> {
  const { stdout } = await inside(
    process.execPath,
    agentBundle,
    'collect',
    'FirewallConfiguration',
    '--json',
    '--inventory',
    directory,
  );
  return (JSON.parse(stdout) as Event).Payload;
}

const marked = (payloads: Event['Payload'], mark: string) =>
  payloads.filter(({ ExtraDetails }) => ExtraDetails?.['Comment'] === mark);

describe('FirewallConfiguration on the real kernel', () => {
  it('says of a namespace without rules that nothing filters there', async () => {
    const payloads = await collect();
    expect(payloads.length).toBeGreaterThanOrEqual(3);
    for (const { Action, ExtraDetails } of payloads) {
      expect(Action).toBe('Allow');
      expect(ExtraDetails?.['Unfiltered']).toBe('true');
    }
  });

  it('finds the rules of nftables and of both back ends of iptables, each once', async () => {
    await inside('nft', 'add table inet guard');
    await inside(
      'nft',
      'add chain inet guard input { type filter hook input priority 0; policy drop; }',
    );
    await inside(
      'nft',
      'add rule inet guard input ip saddr 192.0.2.0/24 tcp dport { 22, 8000-8010 } ct state new accept comment "by nft"',
    );
    for (const backend of ['nft', 'legacy']) {
      const rule = ['-A', 'INPUT', '-p', 'udp', '-m', 'multiport', '--dports', '53,123'];
      const comment = ['-m', 'comment', '--comment', `by ${backend} back end`, '-j', 'DROP'];
      await inside(`iptables-${backend}`, ...rule, ...comment);
    }
    const payloads = await collect();
    expect(marked(payloads, 'by nft')).toEqual([
      {
        Priority: 0,
        Direction: 'In',
        ChainName: 'input',
        Enabled: true,
        Action: 'Allow',
        SourceAddress: '192.0.2.0/24',
        Protocol: 'tcp',
        DestinationPort: '22,8000-8010',
        ExtraDetails: { Table: 'inet guard', State: 'new', Comment: 'by nft' },
      },
    ]);
    for (const backend of ['nft', 'legacy'])
      expect(marked(payloads, `by ${backend} back end`)).toEqual([
        {
          Priority: 0,
          Direction: 'In',
          ChainName: 'INPUT',
          Enabled: true,
          Action: 'Deny',
          Protocol: 'udp',
          DestinationPort: '53,123',
          ExtraDetails: {
            Table: 'ip filter',
            Backend: backend,
            Comment: `by ${backend} back end`,
          },
        },
      ]);
    const policies = payloads.filter(
      ({ ChainName, ExtraDetails }) =>
        ChainName === 'input' && ExtraDetails?.['Policy'] !== undefined,
    );
    expect(policies).toMatchObject([{ Action: 'Deny', Priority: 1, Direction: 'In' }]);
  });

  it('finds a rule that is added, in its place, and no longer one that is deleted', async () => {
    await inside('nft', 'add table ip6 t');
    await inside('nft', 'add chain ip6 t out { type filter hook output priority 0; }');
    await inside('nft', 'add rule ip6 t out tcp dport 25 drop comment "second"');
    await inside('nft', 'insert rule ip6 t out udp dport 53 accept comment "first"');
    const before = await collect();
    expect(marked(before, 'first')).toMatchObject([{ Priority: 0, Direction: 'Out' }]);
    expect(marked(before, 'second')).toMatchObject([{ Priority: 1, Action: 'Deny' }]);
    await inside('nft', 'flush chain ip6 t out');
    expect(marked(await collect(), 'second')).toEqual([]);
  });

  it('finds each of 5,000 rules', async () => {
    await inside('nft', 'add table inet many');
    await inside('nft', 'add chain inet many input { type filter hook input priority 0; }');
    const rules = Array.from(
      { length: 5_000 },
      (_, n) =>
        `add rule inet many input ip saddr 10.0.${n >> 8}.${n & 255} tcp dport ${n + 1} accept`,
    );
    const added = spawn('nsenter', ['-t', String(holder.pid), '-n', 'nft', '-f', '-'], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    added.stdin.end(`${rules.join('\n')}\n`);
    await new Promise((resolve) => added.once('close', resolve));
    const payloads = (await collect()).filter(({ ChainName }) => ChainName === 'input');
    expect(payloads.map(({ DestinationPort }) => DestinationPort)).toEqual([
      ...rules.map((_, n) => String(n + 1)),
      undefined,
    ]);
  });
});
