// The systemd units that are in the repository, in the orders in which the maintainer scripts name them.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../bootstrap.mjs';

export const unitDirectory = join(root, 'systemd');

const kinds = ['path', 'service', 'socket'];
const kindOf = (unit) => unit.slice(unit.lastIndexOf('.') + 1);

/** Reads the directory again at each call: a test adds units. */
export function units() {
  const all = readdirSync(unitDirectory)
    .filter((file) => kinds.includes(kindOf(file)))
    // What would start the service again is stopped before it, what it reads from after it.
    .sort((a, b) => kinds.indexOf(kindOf(a)) - kinds.indexOf(kindOf(b)) || a.localeCompare(b));
  const enabled = all.filter((unit) =>
    /^\[Install\]/m.test(readFileSync(join(unitDirectory, unit), 'utf8')),
  );
  return {
    all,
    // A template has no instance that could be stopped by its own name.
    stopped: all.filter((unit) => !unit.includes('@')),
    enabled,
    restarted: enabled.filter((unit) => kindOf(unit) !== 'socket'),
    sockets: enabled.filter((unit) => kindOf(unit) === 'socket'),
  };
}
