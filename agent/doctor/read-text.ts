import { readBounded } from '../../collectors/kernel/processes/proc.js';

/** Files of /proc and /sys that doctor reads are far smaller. */
const mostBytes = 65_536;

/** The text of a file of /proc or /sys; undefined when it cannot be read. */
export function readText(path: string): string | undefined {
  return readBounded(path, mostBytes)?.toString('utf8');
}
