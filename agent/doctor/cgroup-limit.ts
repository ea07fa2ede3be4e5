import type { Paths } from '../../collectors/kernel/paths.js';
import { readCgroups } from '../../collectors/kernel/processes/proc.js';
import { readText } from './read-text.js';

/** The least memory limit that stands over a process, in bytes, and where it is set. */
export interface CgroupLimit {
  readonly bytes: number;
  /** The path of the control group below the mount of the hierarchy. */
  readonly group: string;
}

/** Above this a limit of version 1 means "none" (memory.rst: a whole number of pages below 2^63). */
const unlimitedBytes = 2 ** 62;
const deepest = 32;

/**
 * What the control groups let a process take: the least of its own and of all above it.
 * Source: cgroup-v2.rst (`memory.max`), cgroup-v1/memory.rst (`memory.limit_in_bytes`).
 * @returns undefined when nothing limits it, or nothing tells
 */
export function cgroupLimit(paths: Paths, pid: number): CgroupLimit | undefined {
  const place = placeOf(readCgroups(paths, pid) ?? '');
  if (place === undefined) return undefined;
  const root = `${paths.sysRoot}/fs/cgroup${place.hierarchy}`;
  const parts = place.path.split('/').filter((part) => part !== '');
  // In a namespace of control groups the path may lead above what can be seen.
  if (parts.length > deepest || parts.includes('..')) return undefined;
  let least: CgroupLimit | undefined;
  for (let length = parts.length; length >= 0; length--) {
    const group = `/${parts.slice(0, length).join('/')}`;
    const text = readText(`${root}${group}/${place.file}`)?.trim() ?? '';
    const bytes = /^\d{1,19}$/.test(text) ? Number(text) : Infinity;
    if (bytes < unlimitedBytes && bytes < (least?.bytes ?? Infinity)) least = { bytes, group };
  }
  return least;
}

/** Of `/proc/PID/cgroup`, cgroups(7). */
function placeOf(
  text: string,
): { readonly hierarchy: string; readonly path: string; readonly file: string } | undefined {
  const one = /^\d+:(?:[^:\n]*,)?memory(?:,[^:\n]*)?:(\/[^\n]*)$/m.exec(text)?.[1];
  if (one !== undefined) {
    return { hierarchy: '/memory', path: one, file: 'memory.limit_in_bytes' };
  }
  const two = /^0::(\/[^\n]*)$/m.exec(text)?.[1];
  return two === undefined ? undefined : { hierarchy: '', path: two, file: 'memory.max' };
}
