import {
  closeSync,
  constants as fsConstants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { type Unavailable, isUnavailable } from '../../../base/unavailable.js';
import { errnoText, type Libc } from '../libc.js';
import {
  codeOf,
  configureInstance,
  enableFile,
  findInstances,
  instanceName,
  isOfAgentWithRoot,
  processorsOf,
  quietly,
  type TraceWish,
} from './trace-setup.js';

/** The kernel's trace events of one kind, in an instance of our own that leaves everyone else's tracing alone. */
export interface TraceInstance {
  /** Text of a file that describes the trace, relative to the instance (`events/…/format`) or to tracefs. */
  describe(path: string): string;
  /** One descriptor for each processor, non-blocking, of its pages (`trace_pipe_raw`). */
  readonly descriptors: readonly number[];
  /** From here on events are recorded. */
  enable(): void;
  /** Records nothing more, closes, and removes the instance if this agent made it. Never throws. */
  remove(): void;
}

interface TraceOptions extends TraceWish {
  readonly libc: Libc;
  readonly mountPoints?: readonly string[];
  readonly ownPid: number;
}

const mostInstances = 4;

/**
 * Opens an instance: with root one of its own, without root the one that `host-setup` has prepared. Where tracefs is
 * not mounted it is mounted for the agent alone, which takes root too.
 */
export function openTraceInstance(options: TraceOptions): TraceInstance | Unavailable {
  const { event, ownPid } = options;
  if (!inInitialPidNamespace()) {
    return {
      unavailable:
        'The trace of the kernel names processes by the numbers of the host, and the agent runs in a PID namespace of its own; run it in that of the host.',
    };
  }
  const root = findTracefs(options);
  if (isUnavailable(root)) return root;
  const { instances } = root;
  const descriptors: number[] = [];
  let directory = '';
  let isOwn = true;
  const enable = (on: boolean): void =>
    writeFileSync(enableFile(directory, event), on ? '1' : '0', { flag: 'w' });
  const remove = (): void => {
    for (const descriptor of descriptors.splice(0)) closeSync(descriptor);
    if (directory !== '') quietly(() => (isOwn ? rmdirSync(directory) : enable(false)));
    root.release();
    process.off('exit', remove);
  };
  try {
    removeLeftovers(instances);
    try {
      directory = makeDirectory(`${instances}/${instanceName}-${ownPid}`);
      configureInstance(directory, options);
    } catch (error) {
      const prepared = `${instances}/${instanceName}`;
      if (!isRefusal(error) || !exists(prepared)) throw error;
      directory = prepared;
      isOwn = false;
    }
    for (const processor of processorsOf(directory)) {
      const path = `${directory}/per_cpu/${processor}/trace_pipe_raw`;
      descriptors.push(openSync(path, fsConstants.O_RDONLY | fsConstants.O_NONBLOCK));
    }
    process.once('exit', remove);
    return {
      describe: (path) => {
        const own = `${directory}/${path}`;
        return readFileSync(exists(own) ? own : `${dirname(instances)}/${path}`, 'utf8');
      },
      descriptors,
      enable: () => enable(true),
      remove,
    };
  } catch (error) {
    remove();
    return { unavailable: refused(event, error) };
  }
}

interface Root {
  readonly instances: string;
  release(): void;
}

/** PROC_PID_INIT_INO (`include/linux/proc_ns.h`). */
function inInitialPidNamespace(): boolean {
  return readlinkSync('/proc/self/ns/pid') === 'pid:[4026531836]';
}

function findTracefs({ libc, mountPoints }: TraceOptions): Root | Unavailable {
  const instances = findInstances(mountPoints);
  if (!isUnavailable(instances)) return { instances: instances.path, release: () => undefined };
  const mount = libc.mountDetached('tracefs');
  if (mount < 0) {
    return { unavailable: `${instances.unavailable} Mounting it: ${errnoText(mount)}.` };
  }
  const path = `/proc/self/fd/${mount}/instances`;
  return { instances: path, release: () => void libc.close(mount) };
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
function removeLeftovers(instances: string): void {
  for (const entry of readdirSync(instances)) {
    if (isOfAgentWithRoot(entry)) quietly(() => rmdirSync(`${instances}/${entry}`));
  }
}

/** Not by access(2), which leaves capabilities of users other than root out of account. */
function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** EROFS: the unit protects /sys (ProtectKernelTunables=). */
function isRefusal(error: unknown): boolean {
  return ['EACCES', 'EPERM', 'EROFS'].includes(codeOf(error));
}

function refused(event: string, error: unknown): string {
  const code = codeOf(error);
  switch (code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `The kernel's trace of ${event} is not open to the agent (${code}): it needs root, or CAP_DAC_READ_SEARCH and what host-setup prepares.`;
    case 'ENOENT':
      return `The kernel cannot trace ${event} (${code}): it is older than 4.16, or built without it.`;
    default:
      return `The kernel's trace of ${event} could not be set up: ${code}.`;
  }
}
