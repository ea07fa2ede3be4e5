import {
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';

/**
 * Replaces a file before it returns, so that a reader, also after a crash, finds either the old text or the new one. For
 * what must be on disk before the next step is taken; whoever can wait stages it (staged-file.ts).
 */
export function replaceFileSync(path: string, text: string, mode: number): void {
  const temporary = `${path}.new`;
  // What is left there may be anything, also a pipe that would not be opened before somebody reads it.
  rmSync(temporary, { force: true, recursive: true });
  const descriptor = openSync(temporary, 'wx', 0o600);
  try {
    fchmodSync(descriptor, mode);
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, path);
}
