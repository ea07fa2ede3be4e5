import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';

/** Writes a file so that a reader, also after a crash, finds either the old text or the new one. */
export function writeFileAtomically(file: string, text: string, mode: number): void {
  const temporary = `${file}.tmp`;
  const descriptor = openSync(temporary, 'w', mode);
  try {
    fchmodSync(descriptor, mode);
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, file);
}
