import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';

/** A new directory that is removed at the end of the test that asks for it, or of the file where it is asked for outside of one. */
export function temporaryDirectory(name = 'test'): string {
  const directory = mkdtempSync(join(tmpdir(), `${name}-`));
  atEnd(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Within a test `afterAll` is forgotten; and what a module asks for when it is loaded is done for the first file alone. */
function atEnd(action: () => void): void {
  try {
    onTestFinished(action);
  } catch {
    // It is no test that runs: the file is being read.
    afterAll(action);
  }
}
