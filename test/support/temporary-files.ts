import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Everything that the tests of one run put into the directory of temporary files goes into one of their own, and what is
 * there at the end of the run was left behind by a test: the run fails and names it.
 */
export default function temporaryFiles(): (() => void) | undefined {
  // Each project of a run asks; the first one made it.
  if (process.env['TESTS_TEMPORARY'] !== undefined) return undefined;
  const before = process.env['TMPDIR'];
  const directory = mkdtempSync(join(tmpdir(), 'tests-'));
  // As that of the system: some tests are other users.
  chmodSync(directory, 0o1777);
  process.env['TESTS_TEMPORARY'] = process.env['TMPDIR'] = directory;
  return () => {
    const left = readdirSync(directory);
    rmSync(directory, { recursive: true, force: true });
    delete process.env['TESTS_TEMPORARY'];
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
    if (left.length > 0)
      throw new Error(`Tests left these in the directory of temporary files: ${left.join(', ')}.`);
  };
}
