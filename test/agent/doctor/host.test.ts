import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Finding } from '../../../agent/doctor/finding.js';
import { agentFinding, capabilityFinding } from '../../../agent/doctor/host.js';
import { checkInventory } from '../../../agent/doctor/inventory.js';
import { checkKernel, tracefsFinding } from '../../../agent/doctor/kernel.js';
import { rulesFinding } from '../../../agent/doctor/rules.js';
import { checkRuntime } from '../../../agent/doctor/runtime.js';
import { judge } from '../../../agent/status/health.js';
import { inventoryNames } from '../../../collectors/inventory/names.js';
import { rootOf } from '../../support/captured-roots.js';
import { soundFacts } from '../../support/status-facts.js';

const told = (findings: readonly Finding[]): string =>
  findings.map(({ verdict, found }) => `${verdict}: ${found}`).join('\n');

describe('the runtime', () => {
  const pid = 42;
  const memory = (availableKb: number) =>
    `MemTotal:  1000000 kB\nMemAvailable:  ${availableKb} kB\n`;
  const runtime = (
    files: Readonly<Record<string, string>>,
    changes: { readonly isAgent?: boolean; readonly nodeVersion?: string } = {},
  ) =>
    told(
      checkRuntime({
        paths: rootOf({ 'proc/meminfo': memory(500_000), ...files }),
        pid,
        isAgent: true,
        nodeVersion: 'v20.19.0',
        architecture: 'arm64',
        ...changes,
      }),
    );

  it('tells Node, the processor and the memory', () => {
    const text = runtime({});
    expect(text).toContain('ok: Node v20.19.0 for arm64');
    expect(text).toContain('ok: 488 MB of 977 MB are free, and no control group limits the agent');
  });

  it.each(['v18.20.4', 'v20.18.1'])('of Node %s is to be mended', (nodeVersion) => {
    expect(runtime({}, { nodeVersion })).toMatch(/^mend: Node v.* is older than 20\.19/);
  });

  it.each(['v20.20.0', 'v22.0.0'])('of Node %s is well', (nodeVersion) => {
    expect(runtime({}, { nodeVersion })).toMatch(/^ok: Node/);
  });

  it('has the least limit of all control groups above the agent, of either version', () => {
    const two = {
      'proc/42/cgroup': '0::/system.slice/agent.service\n',
      'sys/fs/cgroup/system.slice/agent.service/memory.max': 'max\n',
      'sys/fs/cgroup/system.slice/memory.max': '268435456\n',
    };
    expect(runtime(two)).toContain('ok: 488 MB of 977 MB are free, and the agent may take 256 MB');
    const own = { 'sys/fs/cgroup/system.slice/agent.service/memory.max': '67108864\n' };
    expect(runtime({ ...two, ...own })).toMatch(
      /mend: .*may take 64 MB of it \(\/system\.slice\/agent\.service\), which is too little/,
    );
    const one = {
      'proc/42/cgroup': '5:cpu,cpuacct:/x\n9:memory:/docker/1\n0::/\n',
      'sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes': '104857600\n',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    };
    expect(runtime(one)).toMatch(/mend: .*may take 100 MB of it \(\/docker\/1\)/);
  });

  it('is not led out of the hierarchy by a path of a control group', () => {
    const text = runtime({
      'proc/42/cgroup': '0::/../../secret\n',
      'sys/secret/memory.max': '1000\n',
    });
    expect(text).toContain('no control group limits');
  });

  it('with too little memory for an agent that is not running is noted', () => {
    const files = { 'proc/meminfo': memory(50_000) };
    expect(runtime(files, { isAgent: false })).toMatch(/note: 49 MB of 977 MB are free/);
    expect(runtime(files)).toMatch(/ok: 49 MB/);
  });

  it('says when the memory is not told', () => {
    expect(runtime({ 'proc/meminfo': 'nothing\n' })).toMatch(/unknown: .*meminfo does not tell/);
  });
});

describe('the kernel', () => {
  const kernel = (files: Readonly<Record<string, string>>) =>
    told(checkKernel(rootOf({ 'proc/sys/kernel/osrelease': '6.1.0-28-arm64\n', ...files })));

  it('tells its release, and whether it describes its types', () => {
    expect(kernel({})).toMatch(/^ok: Linux 6\.1\.0-28-arm64\nok: .*does not describe its types/);
    expect(kernel({ 'sys/kernel/btf/vmlinux': 'x' })).toMatch(
      /\nok: the kernel describes its types/,
    );
  });

  it.each([
    ['[none] integrity confidentiality\n', /ok: the kernel is not locked down$/],
    ['none [integrity] confidentiality\n', /ok: .*\(integrity\), which hinders no collector$/],
    ['none integrity [confidentiality]\n', /note: .*so that connections cannot be traced/],
    ['nonsense\n', /unknown: .*lockdown holds something unknown$/],
  ])('that says %j of its lockdown', (text, expected) => {
    expect(kernel({ 'sys/kernel/security/lockdown': text })).toMatch(expected);
  });

  it('without a file of its lockdown, or of its release, is told as that', () => {
    expect(kernel({})).toMatch(/ok: .*not locked down, or does not tell/);
    expect(told(checkKernel(rootOf({ 'proc/x': '' })))).toMatch(/^unknown: .*osrelease/);
  });
});

describe('tracefs', () => {
  it('that is not mounted is noted, and one that is there is well', () => {
    const directory = mkdtempSync(join(tmpdir(), 'doctor-'));
    expect(told([tracefsFinding([directory])])).toMatch(/^note: Tracing .* is not mounted/);
    mkdirSync(join(directory, 'instances'));
    expect(told([tracefsFinding([directory])])).toMatch(/^ok: connections can be traced in/);
    rmSync(directory, { recursive: true });
  });
});

describe('the capabilities', () => {
  const capabilities = (bits: string, pid?: number) =>
    capabilityFinding(rootOf({ [`proc/${pid ?? 'self'}/status`]: `CapEff:\t${bits}\n` }), pid);

  it('that are all there are well', () => {
    expect(capabilities('000001ffffffffff', 7)).toMatchObject({
      verdict: 'ok',
      found: 'the agent (pid 7) has every capability that the agent can use',
    });
  });

  it('that are missing are named, each with what is not seen without it', () => {
    const { found, remedy, verdict } = capabilities('0000000040001004', 7);
    expect(verdict).toBe('note');
    expect(found).toBe(
      'the agent (pid 7) lacks CAP_SYS_PTRACE (programs and sockets of other users), CAP_AUDIT_READ (reading audit)',
    );
    expect(remedy).toContain('AmbientCapabilities=');
    expect(capabilities('0000000000000000').remedy).toContain('run doctor as root');
  });

  it('that cannot be read are not guessed', () => {
    expect(capabilities('lots').verdict).toBe('unknown');
  });
});

describe('the inventory', () => {
  let directory = '';
  const servers: Server[] = [];
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'doctor-'))));
  afterEach(async () => {
    for (const server of servers.splice(0)) await new Promise((done) => server.close(done));
    rmSync(directory, { recursive: true });
  });

  it('is well with all sockets, of which none is connected to', async () => {
    let connections = 0;
    for (const name of inventoryNames) {
      const server = createServer(() => connections++);
      await new Promise<void>((done) => server.listen(join(directory, name), done));
      servers.push(server);
    }
    expect(checkInventory(directory).verdict).toBe('ok');
    await new Promise((done) => setImmediate(done));
    expect(connections).toBe(0);
  });

  it('that is missing, or whose socket is a file, is noted with the units', () => {
    writeFileSync(join(directory, 'firewall'), '');
    const { found, remedy, verdict } = checkInventory(directory);
    expect(verdict).toBe('note');
    expect(found).toContain(inventoryNames.join(', '));
    expect(remedy).toContain('systemctl start iot-security-agent-inventory-firewall.socket');
    expect(checkInventory(join(directory, 'none')).verdict).toBe('note');
  });
});

describe('the running agent', () => {
  it('is well, or degraded with the worst of its problems, or not there', () => {
    expect(agentFinding(judge(soundFacts)).verdict).toBe('ok');
    const spool = { ...soundFacts.spool, problem: 'no space left on device (ENOSPC)' };
    const degraded = agentFinding(judge({ ...soundFacts, spool }));
    expect(degraded).toMatchObject({
      verdict: 'mend',
      remedy: expect.stringContaining('status') as unknown,
    });
    expect(degraded.found).toContain('ENOSPC');
    expect(agentFinding({ unanswered: 'Closed.', forbidden: true }).verdict).toBe('unknown');
    expect(agentFinding({ unanswered: 'Not there.', forbidden: false }).verdict).toBe('mend');
  });
});

describe('the rules of detection', () => {
  const { detection } = soundFacts;
  const of = (changes: Partial<typeof detection>): string =>
    told([rulesFinding(judge({ ...soundFacts, detection: { ...detection, ...changes } }))]);

  it('are well when all of them are judged, and to be looked at when one is not', () => {
    expect(of({})).toMatch(/^ok: 120 rules and 3 correlations in force; 2 alerts/);
    expect(of({ refused: 1 })).toMatch(/^note: .*1 refused/);
    expect(of({ suspended: ['A slow one'] })).toMatch(/^note: .*A slow one/);
    expect(of({ state: 'off' })).toMatch(/^note:/);
    expect(of({ state: 'failed' })).toMatch(/^mend:/);
    expect(of({ rules: 0, correlations: 0 })).toMatch(/^mend:/);
    const finding = rulesFinding({ unanswered: 'nobody answers', forbidden: false });
    expect(finding.verdict).toBe('unknown');
  });
});
