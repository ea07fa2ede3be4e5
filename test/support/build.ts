import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** The tests that start the agent start its bundle: it is built from what is on disk, so none runs a stale one. */
export default function build(): void {
  execFileSync(process.execPath, [join(import.meta.dirname, '..', '..', 'scripts', 'build.mjs')], {
    stdio: 'inherit',
  });
}
