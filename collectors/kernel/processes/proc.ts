import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import type { Paths } from '../paths.js';

/**
 * What /proc tells of one process (proc(5)). The parsers are pure; the readers answer `undefined` for a process that
 * is gone or that we have no right to look at, because both are normal at any moment.
 */

/** /proc/PID/stat, the fields we use. */
export interface ProcessStat {
  readonly pid: number;
  /** The first 15 bytes of the program's name; a process can set it to anything. */
  readonly comm: string;
  readonly parentPid: number;
  /** The `PF_*` bits of linux/sched.h. */
  readonly flags: number;
  /** When it started, in clock ticks since boot: with the pid it names a process for as long as the kernel runs. */
  readonly startTicks: number;
  /** Controlling terminal as below /dev, `pts/0`; absent when there is none, or none of a known kind. */
  readonly terminal?: string;
}

/** linux/sched.h: getting shut down */
export const exiting = 0x4;
/** linux/sched.h: forked and has not called exec since. */
export const forkedWithoutExec = 0x40;
/** linux/sched.h */
export const kernelThread = 0x0020_0000;

/** The name stands in parentheses and may itself hold blanks and parentheses, so only the last `)` ends it. */
export function parseStat(text: string): ProcessStat | undefined {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 1 || close < open) return undefined;
  const pid = decimal(text.slice(0, open).trim());
  const fields = text
    .slice(close + 1)
    .trim()
    .split(/\s+/u);
  const parentPid = decimal(fields[1]);
  const flags = decimal(fields[6]);
  const startTicks = decimal(fields[19]);
  if (pid === undefined || parentPid === undefined) return undefined;
  if (flags === undefined || startTicks === undefined) return undefined;
  const terminal = terminalOf(decimal(fields[4]) ?? 0);
  return {
    pid,
    comm: text.slice(open + 1, close),
    parentPid,
    flags,
    startTicks,
    ...(terminal !== undefined && { terminal }),
  };
}

/** Numbers of Documentation/admin-guide/devices.txt, packed as `new_encode_dev` of linux/kdev_t.h does. */
function terminalOf(device: number): string | undefined {
  const major = (device >>> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
  if (major >= 136 && major <= 143) return `pts/${(major - 136) * 256 + minor}`;
  if (major !== 4) return undefined;
  return minor < 64 ? `tty${minor}` : `ttyS${minor - 64}`;
}

/** The process that a thread belongs to: the `Tgid:` line of /proc/TID/status. */
export function parseThreadGroup(status: string): number | undefined {
  return decimal(/^Tgid:\s+(\d+)$/mu.exec(status)?.[1]);
}

/** The process of a thread, `undefined` when the thread is gone. */
export function readThreadGroup(paths: Paths, threadId: number): number | undefined {
  const status = readBounded(`${paths.procRoot}/${threadId}/status`, longestStatusBytes);
  return status && parseThreadGroup(status.toString('utf8'));
}

/** The real user id of /proc/PID/status: the first number of its `Uid:` line. */
export function parseRealUid(status: string): number | undefined {
  return decimal(/^Uid:\s+(\d+)\s/mu.exec(status)?.[1]);
}

/**
 * The arguments of /proc/PID/cmdline, each ended by NUL; empty arguments are kept. A process that rewrites its title
 * leaves one argument, padded with NULs, of which the padding goes.
 */
export function parseCmdline(bytes: Buffer): readonly string[] {
  if (bytes.length === 0) return [];
  const text = bytes.toString('utf8');
  const argv = (text.endsWith('\0') ? text.slice(0, -1) : text).split('\0');
  const [first = '', ...rest] = argv;
  const rewritten = first.includes(' ') && rest.every((argument) => argument === '');
  return rewritten ? [first] : argv;
}

/**
 * Whether it is the name `(program)` that systemd gives a process, also in place of its arguments, until that executes the
 * program (`rename_process` in systemd's process-util.c).
 */
export function isNameBeforeExecution(comm: string): boolean {
  return comm.startsWith('(') && comm.endsWith(')');
}

/** /proc/PID/loginuid and sessionid: a decimal number, 4294967295 when unset (linux/audit.h). */
export function parseAuditId(text: string): number | undefined {
  const value = decimal(text.trim());
  return value === undefined || value === unsetAuditId ? undefined : value;
}

const unsetAuditId = 0xffff_ffff;

function decimal(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,15}$/u.test(text)) return undefined;
  return Number(text);
}

/** What could be read of a process; whatever is absent could not. */
export interface ProcessFacts extends ProcessStat {
  readonly realUid?: number;
  readonly executable?: string;
  /** Also absent where systemd has overwritten it, see `isNameBeforeExecution`. */
  readonly argv?: readonly string[];
  /** False when the command line was longer than we read. */
  readonly argvComplete: boolean;
  readonly workingDirectory?: string;
  readonly auditUserId?: number;
  readonly sessionId?: number;
}

/** As long as the arguments of a process may be with the usual 8 MiB stack (execve(2)). */
const longestCmdlineBytes = 2 * 1024 * 1024;
const longestStatusBytes = 16 * 1024;

/** Every pid of a listing of /proc, ascending. */
export function pidsAmong(names: readonly string[]): number[] {
  return names
    .filter((name) => /^[1-9]\d{0,9}$/u.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** Whether a thread besides the first exists; false for a process that is gone or cannot be seen. */
export function hasOtherThreads(paths: Paths, pid: number): boolean {
  return otherThread(paths, pid) !== undefined;
}

function otherThread(paths: Paths, pid: number): string | undefined {
  try {
    return readdirSync(`${paths.procRoot}/${pid}/task`).find((name) => name !== String(pid));
  } catch {
    return undefined;
  }
}

/** Every pid there is; empty when /proc cannot be listed. */
export function listPids(paths: Paths): number[] {
  try {
    return pidsAmong(readdirSync(paths.procRoot));
  } catch {
    return [];
  }
}

export function readStat(paths: Paths, pid: number): ProcessStat | undefined {
  const bytes = readBounded(`${paths.procRoot}/${pid}/stat`, longestStatusBytes);
  return bytes && parseStat(bytes.toString('utf8'));
}

/** The control groups of a process as cgroups(7) has them; undefined once it is gone. */
export function readCgroups(paths: Paths, pid: number): string | undefined {
  return readBounded(`${paths.procRoot}/${pid}/cgroup`, longestStatusBytes)?.toString('latin1');
}

/**
 * Reads what is known of a process, the things that vanish first first. Synchronous, because every moment counts for
 * a process that ends at once; a look costs about 100 µs.
 */
export function readProcess(paths: Paths, pid: number): ProcessFacts | undefined {
  let directory = `${paths.procRoot}/${pid}`;
  let cmdline = readBounded(`${directory}/cmdline`, longestCmdlineBytes);
  let executable = readLinkOf(`${directory}/exe`);
  const stat = readStat(paths, pid);
  if (stat === undefined) return undefined;
  const isEmpty = executable === undefined && cmdline?.length === 0;
  const mayHaveEnded = isEmpty && (stat.flags & kernelThread) === 0;
  const other = mayHaveEnded ? otherThread(paths, pid) : undefined;
  if (other !== undefined) {
    // The first thread has ended and the others have not: they have the memory of the process.
    directory = `${directory}/task/${other}`;
    cmdline = readBounded(`${directory}/cmdline`, longestCmdlineBytes);
    executable = readLinkOf(`${directory}/exe`);
  }
  const status = readBounded(`${directory}/status`, longestStatusBytes);
  const realUid = status && parseRealUid(status.toString('utf8'));
  const workingDirectory = readLinkOf(`${directory}/cwd`);
  const argv = cmdline && parseCmdline(cmdline);
  const isTitle = argv?.every((argument, index) => argument === (index === 0 ? stat.comm : ''));
  const isOverwritten = isTitle === true && isNameBeforeExecution(stat.comm);
  const auditUserId = readAuditId(`${directory}/loginuid`);
  const sessionId = readAuditId(`${directory}/sessionid`);
  return {
    ...stat,
    argvComplete: cmdline === undefined || cmdline.length < longestCmdlineBytes,
    ...(realUid !== undefined && { realUid }),
    ...(executable !== undefined && { executable }),
    ...(argv !== undefined && !isOverwritten && { argv }),
    ...(workingDirectory !== undefined && { workingDirectory }),
    ...(auditUserId !== undefined && { auditUserId }),
    ...(sessionId !== undefined && { sessionId }),
  };
}

/** The path of the program, as the process itself sees it; ` (deleted)` at its end says that the file is gone. */
export function readExecutable(paths: Paths, pid: number): string | undefined {
  return readLinkOf(`${paths.procRoot}/${pid}/exe`);
}

function readAuditId(path: string): number | undefined {
  const bytes = readBounded(path, 32);
  return bytes && parseAuditId(bytes.toString('utf8'));
}

/** Whatever the reason, the target is unknown: anybody can have one that is longer than the kernel tells (ENAMETOOLONG). */
export function readLinkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** The inode in the target of a link of /proc/PID/fd; undefined when it is no socket. */
export function socketInode(link: string): number | undefined {
  const inode = /^socket:\[(\d{1,15})\]$/u.exec(link)?.[1];
  return inode === undefined ? undefined : Number(inode);
}

/** The inode of the socket behind a descriptor of a process; undefined when it is none, gone or forbidden. */
export function readSocketInode(
  paths: Paths,
  pid: number,
  descriptor: number | string,
): number | undefined {
  const link = readLinkOf(`${paths.procRoot}/${pid}/fd/${descriptor}`);
  return link === undefined ? undefined : socketInode(link);
}

/** Names the network namespace of a process, see namespaces(7); undefined when the process is gone or forbidden. */
export function readNetworkNamespace(paths: Paths, pid: number | 'self'): string | undefined {
  return readLinkOf(`${paths.procRoot}/${pid}/ns/net`);
}

/** Files of /proc have no size; a process can make its command line as long as it likes. */
export function readBounded(path: string, limitBytes: number): Buffer | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    let chunk = Buffer.allocUnsafe(Math.min(limitBytes, 4096));
    let length = 0;
    for (;;) {
      const read = readSync(descriptor, chunk, length, chunk.length - length, null);
      if (read === 0) return chunk.subarray(0, length);
      length += read;
      if (length === limitBytes) return chunk;
      if (length === chunk.length) {
        const larger = Buffer.allocUnsafe(Math.min(limitBytes, length * 4));
        chunk.copy(larger, 0, 0, length);
        chunk = larger;
      }
    }
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/**
 * The wall clock at the boot, as the kernel has it now: milliseconds since the epoch, of a whole second. The same at each
 * call until the clock is set; undefined where /proc does not tell. Source: `btime` in proc_stat(5).
 */
export function readBootTimeMs(paths: Paths): number | undefined {
  try {
    const text = readFileSync(`${paths.procRoot}/stat`, 'utf8');
    const seconds = /^btime (\d+)$/m.exec(text)?.[1];
    return seconds === undefined ? undefined : Number(seconds) * 1000;
  } catch {
    return undefined;
  }
}

/** Names the present boot of the kernel, see proc_sys_kernel(5); empty where /proc does not tell. */
export function readBootId(paths: Paths): string {
  try {
    return readFileSync(`${paths.procRoot}/sys/kernel/random/boot_id`, 'utf8').trim();
  } catch {
    return '';
  }
}
