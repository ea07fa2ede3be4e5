import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Loads another bundle from beside the one that runs; undefined where it is not there. */
export function loadBesideBundle(file: string): unknown {
  // npm starts commands through a symbolic link.
  const program = realpathSync(process.argv[1] ?? '.');
  const bundle = join(dirname(program), file);
  return existsSync(bundle) ? createRequire(bundle)(bundle) : undefined;
}
