import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Programs } from './packages.js';
import { treeOf } from './process-cost.js';
import type { Watching } from './watcher.js';
import { niceness } from './workload.js';
import { WrittenFiles } from './written-files.js';

/** Programs with their arguments, and both ends of TCP connections, as a line each. */
const script = `
BEGIN { printf("attached\\n"); }
tracepoint:syscalls:sys_enter_execve, tracepoint:syscalls:sys_enter_execveat {
  printf("%lld exec %d %d %s ", nsecs, pid, uid, comm);
  join(args->argv);
}
tracepoint:sock:inet_sock_set_state /args->newstate == 1 && args->protocol == 6/ {
  printf("%lld tcp %d %s %s:%d %s:%d\\n", nsecs, pid, comm, ntop(args->saddr), args->sport, ntop(args->daddr), args->dport);
}
`;

/** In a mount namespace of its own with tracefs, which ends with the program. */
const withTracefs = (command: string): readonly string[] => [
  'unshare',
  '--mount',
  'sh',
  '-c',
  `mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing; exec ${command}`,
  'sh',
];

async function tracing(
  command: readonly string[],
  environment: NodeJS.ProcessEnv,
  attached: RegExp | undefined,
): Promise<Watching> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-tracer-'));
  const descriptor = openSync(join(directory, 'out'), 'w');
  const child = spawn('nice', ['-n', String(-niceness), ...command], {
    env: environment,
    stdio: ['ignore', descriptor, 'pipe'],
  });
  closeSync(descriptor);
  const said: string[] = [];
  child.stderr?.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const files = new WrittenFiles([directory]);
  const stop = async (): Promise<void> => {
    files.close();
    if (child.exitCode === null) child.kill('SIGINT');
    const kill = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(kill);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const untilMs = performance.now() + 20_000;
    const text = (): string => readFileSync(join(directory, 'out'), 'latin1');
    await wait(300);
    while (attached !== undefined && !attached.test(text())) {
      if (child.exitCode !== null || performance.now() > untilMs)
        throw new Error(said.join('').trim().split('\n').slice(-3).join('; ') || 'it never began');
      await wait(100);
    }
    if (child.exitCode !== null) throw new Error(said.join('').trim() || 'it ended at once');
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    pids: () => (child.pid === undefined ? [] : treeOf(child.pid)),
    told: (mark) => files.told(mark),
    bytes: () => ({ written: files.bytes, sent: 0, units: 0 }),
    found: (mark) => ({ written: files.found(mark), sent: [] }),
    stop,
  };
}

export const startBpftrace = (programs: Programs): Promise<Watching> =>
  tracing(
    [...withTracefs('"$@"'), programs.path('bpftrace') ?? '', '-B', 'line', '-e', script],
    programs.environment,
    /attached/,
  );

/** Tells of programs alone; `-l` writes each line at once, `-x` the whole command line. */
export const startForkstat = (programs: Programs): Promise<Watching> =>
  tracing(
    [programs.path('forkstat') ?? '', '-e', 'exec', '-l', '-x'],
    programs.environment,
    undefined,
  );
