import { readdirSync, readFileSync } from 'node:fs';

/** Of processes together, from their beginning on. */
export interface Cpu {
  readonly userMs: number;
  readonly systemMs: number;
}

/** Of processes together, in KB. */
export interface Memory {
  readonly residentKb: number;
  /** Shared pages are divided among those who share them (PSS). */
  readonly proportionalKb: number;
  /** What ended with the processes would be free. */
  readonly privateKb: number;
}

/** `USER_HZ`, which is 100 on every architecture that Node runs on. */
const tickMs = 10;

/** A file of a process; empty when the process has ended. */
function read(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return '';
  }
}

/** The fields of /proc/PID/stat behind the name, from `state` on (proc_pid_stat(5)). */
function statFields(pid: number): readonly string[] {
  const text = read(pid, 'stat');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** What the processes used, in steps of 10 ms, with those of their children that have ended. */
export function cpuOf(pids: readonly number[]): Cpu {
  let [userMs, systemMs] = [0, 0];
  for (const pid of pids) {
    const fields = statFields(pid);
    userMs += (Number(fields[11] ?? 0) + Number(fields[13] ?? 0)) * tickMs;
    systemMs += (Number(fields[12] ?? 0) + Number(fields[14] ?? 0)) * tickMs;
  }
  return { userMs, systemMs };
}

/** What the first thread of a process used, which is where Node runs JavaScript. */
export function mainThreadMs(pid: number): number {
  const text = read(pid, `task/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * tickMs;
}

export const totalMs = ({ userMs, systemMs }: Cpu): number => userMs + systemMs;

export const since = (before: Cpu, after: Cpu): Cpu => ({
  userMs: after.userMs - before.userMs,
  systemMs: after.systemMs - before.systemMs,
});

const kilobytes = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0);

export function memoryOf(pids: readonly number[]): Memory {
  const texts = pids.map((pid) => read(pid, 'smaps_rollup'));
  const sum = (...names: readonly string[]): number =>
    texts.reduce((all, text) => all + names.reduce((of, name) => of + kilobytes(text, name), 0), 0);
  return {
    residentKb: sum('Rss'),
    proportionalKb: sum('Pss'),
    privateKb: sum('Private_Clean', 'Private_Dirty'),
  };
}

/** From now on the peak of each process begins at what it has (`clear_refs`, proc_pid_clear_refs(5)). */
export const peakFrom = (pid: number): string => `/proc/${pid}/clear_refs`;

/** The most that was resident since the peak was set back. */
export function peakResidentKb(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + kilobytes(read(pid, 'status'), 'VmHWM'), 0);
}

/** What is resident and in no file: the private part but for pages of files, cheap enough to be read often. */
export function anonymousKb(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + kilobytes(read(pid, 'status'), 'RssAnon'), 0);
}

/** A process with all that descend from it. */
export function treeOf(root: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (Number.isInteger(pid)) parents.set(pid, Number(statFields(pid)[1]));
  }
  const tree = [root];
  for (const pid of tree)
    for (const [child, parent] of parents) if (parent === pid) tree.push(child);
  return tree;
}

/** The thread of the kernel that hands audit records out; undefined in a container that does not see it. */
export function kauditd(): number | undefined {
  return readdirSync('/proc')
    .map(Number)
    .find((pid) => Number.isInteger(pid) && read(pid, 'comm') === 'kauditd\n');
}
