import { chownSync, mkdirSync, readdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import type { Unavailable } from '../../../base/unavailable.js';

/** What an instance is to record, and how it is called. */
export interface TraceWish {
  /** `SYSTEM/EVENT` */
  readonly event: string;
  readonly filter: string;
}

/** Under tracefs `instances/`; an agent that makes its own adds its pid and a number. */
export const instanceName = 'iot-security-agent';
/** Where tracefs may be mounted, tried in this order. */
const usualMountPoints = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'];

const mostBufferKilobytes = 512;
const allBuffersKilobytes = 16_384;
const leastBufferKilobytes = 64;

/**
 * Sets an instance up (`Documentation/trace/ftrace.rst`): the event filtered, the clock CLOCK_MONOTONIC, readers woken by
 * the first event. Records nothing yet.
 */
export function configureInstance(directory: string, { event, filter }: TraceWish): void {
  const write = (file: string, text: string): void =>
    writeFileSync(`${directory}/${file}`, text, { flag: 'w' });
  write('trace_clock', 'mono');
  write('buffer_size_kb', String(bufferKilobytes(processorsOf(directory).length)));
  // Without it poll(2) waits for a half full buffer; older kernels have no such threshold.
  quietly(() => write('buffer_percent', '0'));
  write(`events/${event}/filter`, filter);
}

/** The directory names of the buffers, one for each processor. */
export function processorsOf(directory: string): readonly string[] {
  return readdirSync(`${directory}/per_cpu`).filter((name) => /^cpu\d+$/u.test(name));
}

/** The file that switches the event on and off: all that an agent without root need be able to write. */
export function enableFile(directory: string, event: string): string {
  return `${directory}/events/${event}/enable`;
}

/** The directory of tracefs that holds instances, or why there is none; `closed` when it may be there all the same. */
export function findInstances(
  mountPoints: readonly string[] = usualMountPoints,
): { readonly path: string } | (Unavailable & { readonly closed: boolean }) {
  let closed = false;
  for (const path of mountPoints) {
    try {
      if (statSync(`${path}/instances`).isDirectory()) return { path: `${path}/instances` };
    } catch (error) {
      closed ||= codeOf(error) === 'EACCES';
    }
  }
  return {
    closed,
    unavailable: closed
      ? 'Tracing of the kernel (tracefs) is closed to the agent: it needs root, or CAP_DAC_READ_SEARCH and what host-setup prepares.'
      : 'Tracing of the kernel is not mounted (mount -t tracefs tracefs /sys/kernel/tracing).',
  };
}

/**
 * The root step before an agent without root: an instance of which `uid` may write the one file that switches the
 * event. One that was left behind is made anew, or used as it is while somebody reads it. Throws what the kernel says.
 */
export function prepareInstance(instances: string, wish: TraceWish, uid: number): void {
  const directory = `${instances}/${instanceName}`;
  quietly(() => rmdirSync(directory));
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  configureInstance(directory, wish);
  chownSync(enableFile(directory, wish.event), uid, 0);
}

/** Removes every instance of agents that nobody reads any more; the names of those that stay. */
export function removeInstances(instances: string): readonly string[] {
  return readdirSync(instances).filter((entry) => {
    if (entry !== instanceName && !isOfAgentWithRoot(entry)) return false;
    try {
      rmdirSync(`${instances}/${entry}`);
      return false;
    } catch (error) {
      return codeOf(error) !== 'ENOENT';
    }
  });
}

/** Made by an agent for itself, which may run or be dead. */
export function isOfAgentWithRoot(entry: string): boolean {
  return new RegExp(`^${instanceName}-\\d+-\\d+$`, 'u').test(entry);
}

function bufferKilobytes(processors: number): number {
  const share = Math.floor(allBuffersKilobytes / Math.max(1, processors));
  return Math.max(leastBufferKilobytes, Math.min(mostBufferKilobytes, share));
}

export function quietly(action: () => void): void {
  try {
    action();
  } catch {
    // Busy, or not there: then there is nothing to be done about it.
  }
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
