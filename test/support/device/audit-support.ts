import { execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '../../../base/clock.js';
import type { LossCause } from '../../../base/loss.js';
import { isUnavailable } from '../../../base/unavailable.js';
import { noNote } from '../../../collectors/kernel/audit/change-note.js';
import type { Execve } from '../../../collectors/kernel/audit/execve.js';
import { readExecve } from '../../../collectors/kernel/audit/execve.js';
import { createAuditFeed } from '../../../collectors/kernel/audit/open.js';
import type { AuditSubscription } from '../../../collectors/kernel/audit/source.js';
import { UnreadTime } from '../../../collectors/kernel/audit/unread-time.js';
import { loadLibc, socketOptions } from '../../../collectors/kernel/libc.js';
import { netlinkProtocols, openNetlink } from '../../../collectors/kernel/netlink.js';
import { KernelReader } from '../../../collectors/kernel/reader.js';
import type { SourceState } from '../../../collectors/kernel/source-state.js';

export const run = promisify(execFile);
export function auditctl(...parameters: string[]): string {
  return execFileSync('auditctl', parameters, { encoding: 'utf8' });
}

/** What `auditctl -s` and `-l` say, without the counters that only grow. */
export function kernelState(): { status: Record<string, string>; rules: string } {
  const status: Record<string, string> = {};
  for (const line of auditctl('-s').trim().split('\n')) {
    const [name = '', ...value] = line.split(' ');
    if (!['lost', 'backlog', 'backlog_wait_time_actual'].includes(name)) {
      status[name] = value.join(' ');
    }
  }
  return { status, rules: auditctl('-l').trim() };
}

/** A feed over the real kernel, subscribed to started programs. */
export interface Watch {
  readonly execs: Execve[];
  readonly losses: Map<LossCause, number>;
  readonly states: SourceState[];
  readonly sentences: string[];
  readonly problems: string[];
  stop(): Promise<void>;
}

export async function watch(own: 'auto' | 'never' = 'auto', handedOver?: number): Promise<Watch> {
  const libc = await loadLibc();
  if (isUnavailable(libc)) throw new Error(libc.unavailable);
  const reader = new KernelReader(libc, systemClock);
  reader.start();
  const [execs, states, sentences, problems]: [Execve[], SourceState[], string[], string[]] = [
    [],
    [],
    [],
    [],
  ];
  const losses = new Map<LossCause, number>();
  const feed = createAuditFeed({
    libc,
    reader,
    clock: systemClock,
    own,
    ownPid: process.pid,
    receiveBufferBytes: 8 * 1024 * 1024,
    unread: new UnreadTime(undefined, 'this-boot', () => 0),
    note: noNote,
    ...(handedOver !== undefined && { handedOver }),
    onTampering: (sentence) => sentences.push(sentence),
    onProblem: (sentence) => problems.push(sentence),
  });
  const subscription = await feed.subscribe({
    name: 'test',
    rules: [{ syscalls: ['execve', 'execveat'], outcome: 'success' }],
    onEvent(event) {
      const exec = readExecve(event);
      if (exec !== undefined) execs.push(exec);
    },
    lose: (cause, count) => losses.set(cause, (losses.get(cause) ?? 0) + count),
    onState: (state) => states.push(state),
    onFailed: (error) => problems.push(error.message),
  });
  if (isUnavailable(subscription)) {
    await reader.stop();
    throw new Error(subscription.unavailable);
  }
  const active: AuditSubscription = subscription;
  return {
    execs,
    losses,
    states,
    sentences,
    problems,
    async stop() {
      await active.end();
      await reader.stop();
    },
  };
}

/** Waits until `condition` holds; fails with `what` after `limitMs`. */
export async function until(
  what: string,
  limitMs: number,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const startMs = performance.now();
  while (!(await condition())) {
    if (performance.now() - startMs > limitMs) throw new Error(`Not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Starts /bin/true `count` times, each with its own marker. */
export async function startPrograms(marker: string, count: number): Promise<void> {
  const script = `for i in $(seq ${count}); do /bin/true ${marker}-$i; done`;
  await run('/bin/bash', ['-c', script]);
}

export function markersSeen(execs: readonly Execve[], marker: string): readonly string[] {
  return execs.map(({ argv }) => argv[1] ?? '').filter((text) => text.startsWith(`${marker}-`));
}

export interface Auditd {
  readonly running: boolean;
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

/** Starts the distribution's auditd with a configuration of its own; resolves when it owns audit, or has given up. */
export async function startAuditd(): Promise<Auditd> {
  const directory = mkdtempSync(join(tmpdir(), 'auditd-'));
  const settings = readFileSync('/etc/audit/auditd.conf', 'utf8').replace(
    /^log_file *=.*$/m,
    `log_file = ${directory}/audit.log`,
  );
  writeFileSync(join(directory, 'auditd.conf'), settings, { mode: 0o640 });
  const child = spawn('/sbin/auditd', ['-n', '-s', 'nochange', '-c', directory], {
    stdio: 'ignore',
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const owns = (): boolean => kernelState().status['pid'] === String(child.pid);
  await until('auditd to own audit, or to end', 15_000, () => child.exitCode !== null || owns());
  const running = child.exitCode === null;
  return {
    running,
    pid: child.pid,
    async stop() {
      if (child.exitCode === null) child.kill('SIGTERM');
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A multicast audit socket as systemd would open it. */
export async function openAuditSocket(): Promise<{
  readonly fd: number;
  isOpen(): boolean;
  close(): void;
}> {
  const libc = await loadLibc();
  if (isUnavailable(libc)) throw new Error(libc.unavailable);
  const opened = openNetlink(libc, netlinkProtocols.audit, 1);
  if ('errno' in opened) throw new Error(`No audit socket: errno ${opened.errno}`);
  const { fd } = opened;
  return {
    fd,
    isOpen: () => libc.getSocketOption(fd, socketOptions.level, socketOptions.receiveBuffer) > 0,
    close: () => void libc.close(fd),
  };
}

/** Whether the journal, or without one the kernel log, has a line that the agent wrote with this text. */
export function systemLogHolds(text: string): boolean {
  const log = existsSync('/run/systemd/journal/socket')
    ? execFileSync('journalctl', ['-t', 'audit', '-n', '100', '-o', 'cat'], { encoding: 'utf8' })
    : execFileSync('dmesg', ['--userspace'], { encoding: 'utf8' });
  return log.split('\n').some((line) => line.includes('audit: type=') && line.includes(text));
}
