import { execFile, spawn, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { rootFileSystem } from './root-file-system.js';

const run = promisify(execFile);

const packages = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'procps',
  'iproute2',
  'ca-certificates',
  'libstdc++6',
];
const controllers = ['memory', 'pids', 'cpu', 'cpuacct', 'blkio', 'devices', 'freezer'];
const cgroupRoot = '/sys/fs/cgroup';

function childOf(pid: number): number | undefined {
  try {
    const [first] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    return first === undefined || first === '' ? undefined : Number(first);
  } catch {
    return undefined;
  }
}

export interface ContainerOptions {
  readonly suite?: 'bookworm' | 'trixie';
  /** Of Debian, beside those that every container has. */
  readonly packages?: readonly string[];
  /** Whether the kernel in it has audit. */
  readonly audit?: boolean;
  /** Its root is a disk of this size, which can be full; without it, a directory. */
  readonly diskMegabytes?: number;
  readonly binds: Readonly<Record<string, string>>;
  prepare(root: string): void;
}

/** The directory of temporary files of the tests is not there inside. */
const inside = { ...process.env, TMPDIR: undefined };

/**
 * A booted systemd in a container that shares the host's network namespace, because the kernel multicasts audit
 * records to the initial one only, and that may read audit.
 */
export class Container {
  private constructor(
    readonly root: string,
    private readonly name: string,
    private readonly launcher: ChildProcess,
    private readonly initPid: number,
    private readonly disk: string | undefined,
  ) {}

  static async boot(options: ContainerOptions): Promise<Container> {
    const { suite = 'bookworm', audit = true, diskMegabytes } = options;
    const root = mkdtempSync(join(tmpdir(), 'agent-container-'));
    const name = `isa${process.pid}`;
    const disk = diskMegabytes === undefined ? undefined : await mountDisk(root, diskMegabytes);
    const installed = [...packages, ...(options.packages ?? [])];
    const archive = await rootFileSystem({ suite, packages: installed });
    await run('tar', ['-xf', archive, '-C', root]);
    options.prepare(root);
    const args = [
      ...['-D', root, '--boot', '--register=no', '--keep-unit', '--console=pipe'],
      `--machine=${name}`,
      '--capability=CAP_AUDIT_READ,CAP_AUDIT_CONTROL,CAP_NET_ADMIN',
      ...Object.entries(options.binds).map(([from, to]) => `--bind-ro=${from}:${to}`),
    ];
    // Its own cgroups, so that the container's systemd moves nothing of the host.
    const join_ = [...controllers, 'systemd', 'unified']
      .map((controller) => `${cgroupRoot}/${controller}/${name}`)
      .map((path) => `mkdir -p ${path} 2>/dev/null && echo $$ > ${path}/cgroup.procs`)
      .join('; ');
    const launcher = spawn('/bin/sh', ['-c', `${join_}; exec systemd-nspawn "$@"`, 'sh', ...args], {
      env: {
        PATH: process.env['PATH'],
        // The filter of nspawn refuses sockets of audit, as a kernel without audit does.
        ...(audit && { SYSTEMD_SECCOMP: '0' }),
        // The systemd of Debian 13 is at home in cgroup v2 only.
        ...(suite === 'trixie' && { SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1' }),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [launcher.stdout, launcher.stderr]) {
      stream.on('data', (chunk: Buffer) => (output = `${output}${chunk.toString()}`.slice(-4000)));
    }
    for (let attempt = 0; attempt < 300; attempt++) {
      const initPid = launcher.pid === undefined ? undefined : childOf(launcher.pid);
      if (initPid !== undefined && existsSync(`/proc/${initPid}/root/run/systemd/private`)) {
        const container = new Container(root, name, launcher, initPid, disk);
        await container.openControllers();
        await container.execute('systemctl', 'is-system-running', '--wait').catch(() => undefined);
        return container;
      }
      if (launcher.exitCode !== null) break;
      await sleep(100);
    }
    launcher.kill('SIGKILL');
    throw new Error(`The container did not boot: ${output}`);
  }

  /** Nothing in it runs for so long. */
  async freeze(forMs: number): Promise<void> {
    const [v1, v2] = [`${cgroupRoot}/freezer/${this.name}`, `${cgroupRoot}/unified/${this.name}`];
    const [file, frozen, thawed] = existsSync(`${v1}/freezer.state`)
      ? [`${v1}/freezer.state`, 'FROZEN', 'THAWED']
      : [`${v2}/cgroup.freeze`, '1', '0'];
    writeFileSync(file, frozen);
    await sleep(forMs);
    writeFileSync(file, thawed);
  }

  /** Runs a program inside and resolves with what it printed. */
  async execute(...command: readonly string[]): Promise<string> {
    const { stdout } = await run('nsenter', ['-t', String(this.initPid), '-a', '--', ...command], {
      maxBuffer: 16 * 1024 * 1024,
      env: inside,
    });
    return stdout;
  }

  /** Runs a program that may fail, with nobody to answer its questions. */
  async attempt(...command: readonly string[]): Promise<{ code: number; output: string }> {
    const args = ['-t', String(this.initPid), '-a', '--', ...command];
    return new Promise((resolve, reject) => {
      const child = spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'pipe'], env: inside });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.once('error', reject);
      child.once('close', (code) => resolve({ code: code ?? -1, output }));
    });
  }

  /** nspawn mounts the controllers of cgroup v1 read-only, and then no limit of a unit is enforced. */
  private async openControllers(): Promise<void> {
    for (const controller of controllers) {
      const mounting = ['mount', '-o', 'remount,rw,bind', `${cgroupRoot}/${controller}`];
      const target = ['-t', String(this.initPid), '-m', '-C', '--'];
      await run('nsenter', [...target, ...mounting]).catch(() => undefined);
    }
    await this.execute('systemctl', 'daemon-reexec');
  }

  async stop(): Promise<void> {
    const exited = new Promise((resolve) => this.launcher.once('exit', resolve));
    await this.execute('systemctl', 'poweroff').catch(() => undefined);
    await Promise.race([exited, sleep(15_000)]);
    this.launcher.kill('SIGKILL');
    if (this.disk !== undefined) {
      await run('umount', ['--lazy', this.root]);
      rmSync(this.disk);
    }
    rmSync(this.root, { recursive: true, force: true });
    for (const controller of [...controllers, 'systemd', 'unified']) {
      removeCgroups(join(cgroupRoot, controller, this.name));
    }
  }
}

async function mountDisk(root: string, megabytes: number): Promise<string> {
  const disk = `${root}.disk`;
  await run('truncate', ['--size', `${megabytes}M`, disk]);
  await run('mkfs.ext4', ['-q', '-m', '0', '-O', '^has_journal', disk]);
  await run('mount', ['-o', 'loop', disk, root]);
  return disk;
}

function removeCgroups(path: string): void {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroups(join(path, entry.name));
  }
  try {
    rmdirSync(path);
  } catch {
    // A process of the container that is still ending keeps it; it is empty and harmless.
  }
}

/** Makes a file in the container's root, with its directories. */
export function writeInto(root: string, path: string, text: string, mode = 0o644): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text, { mode });
}
