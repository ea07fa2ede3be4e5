import {
  closeSync,
  constants as fsConstants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { type Unavailable, isUnavailable } from '../collector.js';
import { errnoText, type Libc } from './libc.js';

/** The kernel's trace events of one kind, in an instance of our own that leaves everyone else's tracing alone. */
export interface TraceInstance {
  /** Text of a file that describes the trace, relative to the instance (`events/…/format`) or to tracefs. */
  describe(path: string): string;
  /** One descriptor for each processor, non-blocking, of its pages (`trace_pipe_raw`). */
  readonly descriptors: readonly number[];
  /** From here on events are recorded. */
  enable(): void;
  /** Closes and removes the instance. Never throws. */
  remove(): void;
}

interface TraceOptions {
  readonly libc: Libc;
  /** Where tracefs may be mounted, tried in this order. */
  readonly mountPoints?: readonly string[];
  /** Of the instance; ours are recognised by it when one was left behind by a crash. */
  readonly name: string;
  readonly ownPid: number;
  /** `SYSTEM/EVENT` */
  readonly event: string;
  readonly filter: string;
}

const usualMountPoints = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'];
const mostBufferKilobytes = 512;
const allBuffersKilobytes = 16_384;
const leastBufferKilobytes = 64;
const mostInstances = 4;

/**
 * Prepares an instance with the event filtered, its clock CLOCK_MONOTONIC, and readers woken by the first event
 * (`Documentation/trace/ftrace.rst`). Where tracefs is not mounted it is mounted for the agent alone.
 */
export function openTraceInstance(options: TraceOptions): TraceInstance | Unavailable {
  if (!inInitialPidNamespace()) {
    return {
      unavailable:
        'The trace of the kernel names processes by the numbers of the host, and the agent runs in a PID namespace of its own; run it in that of the host.',
    };
  }
  const root = findTracefs(options);
  if (isUnavailable(root)) return root;
  const instances = `${root.path}/instances`;
  const descriptors: number[] = [];
  let directory = '';
  const remove = (): void => {
    for (const descriptor of descriptors.splice(0)) closeSync(descriptor);
    if (directory !== '') quietly(() => rmdirSync(directory));
    root.release();
    process.off('exit', remove);
  };
  try {
    removeLeftovers(instances, options.name);
    directory = makeDirectory(`${instances}/${options.name}-${options.ownPid}`);
    const processors = readdirSync(`${directory}/per_cpu`).filter((name) => /^cpu\d+$/u.test(name));
    const write = (file: string, text: string): void =>
      writeFileSync(`${directory}/${file}`, text, { flag: 'w' });
    write('trace_clock', 'mono');
    write('buffer_size_kb', String(bufferKilobytes(processors.length)));
    // Without it poll(2) waits for a half full buffer; older kernels have no such threshold.
    quietly(() => write('buffer_percent', '0'));
    write(`events/${options.event}/filter`, options.filter);
    for (const processor of processors) {
      const path = `${directory}/per_cpu/${processor}/trace_pipe_raw`;
      descriptors.push(openSync(path, fsConstants.O_RDONLY | fsConstants.O_NONBLOCK));
    }
    process.once('exit', remove);
    return {
      describe: (path) => {
        const own = `${directory}/${path}`;
        return readFileSync(existsSync(own) ? own : `${root.path}/${path}`, 'utf8');
      },
      descriptors,
      enable: () => write(`events/${options.event}/enable`, '1'),
      remove,
    };
  } catch (error) {
    remove();
    return { unavailable: refused(options.event, error) };
  }
}

interface Root {
  readonly path: string;
  release(): void;
}

/** PROC_PID_INIT_INO (`include/linux/proc_ns.h`). */
function inInitialPidNamespace(): boolean {
  return readlinkSync('/proc/self/ns/pid') === 'pid:[4026531836]';
}

function findTracefs({ libc, mountPoints = usualMountPoints }: TraceOptions): Root | Unavailable {
  for (const path of mountPoints) {
    if (existsSync(`${path}/instances`)) return { path, release: () => undefined };
  }
  const mount = libc.mountDetached('tracefs');
  if (mount < 0) {
    return {
      unavailable: `Tracing of the kernel is not mounted and could not be: ${errnoText(mount)}. Mount it (mount -t tracefs tracefs /sys/kernel/tracing), or give the agent CAP_SYS_ADMIN.`,
    };
  }
  const path = `/proc/self/fd/${mount}`;
  return { path, release: () => void libc.close(mount) };
}

/** A trace may be set up while another of the same agent is still read. */
function makeDirectory(prefix: string): string {
  for (let number = 1; ; number++) {
    const directory = `${prefix}-${number}`;
    try {
      mkdirSync(directory, { mode: 0o700 });
      return directory;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST' || number === mostInstances) throw error;
    }
  }
}

/** An instance that somebody still reads cannot be removed, so that only those of dead agents go. */
function removeLeftovers(instances: string, name: string): void {
  for (const entry of readdirSync(instances)) {
    if (new RegExp(`^${name}-\\d+-\\d+$`, 'u').test(entry))
      quietly(() => rmdirSync(`${instances}/${entry}`));
  }
}

function bufferKilobytes(processors: number): number {
  const share = Math.floor(allBuffersKilobytes / Math.max(1, processors));
  return Math.max(leastBufferKilobytes, Math.min(mostBufferKilobytes, share));
}

function quietly(action: () => void): void {
  try {
    action();
  } catch {
    // Busy, or not there: then there is nothing to be done about it.
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

function refused(event: string, error: unknown): string {
  const code = codeOf(error);
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return `The kernel's trace of ${event} is not open to the agent (${code}): it needs root, or CAP_DAC_OVERRIDE.`;
    case 'ENOENT':
      return `The kernel cannot trace ${event} (${code}): it is older than 4.16, or built without it.`;
    default:
      return `The kernel's trace of ${event} could not be set up: ${code}.`;
  }
}
