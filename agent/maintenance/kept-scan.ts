import { join } from 'node:path';
import { plainReason } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { FileScan, FileScans } from '../../collectors/interface/file-scan.js';
import { parseStoredScan } from '../../collectors/os-baseline/scan/stored-scan.js';
import { stateNames } from '../state/state-directory.js';
import { readStateFile, writeFileAtomically } from '../state/state-file.js';

/** Six lists of 200 paths of up to 4 KB, at worst; a few KB on a device. */
const longestBytes = 8 * 1024 * 1024;

export const keptScanFile = (stateDirectory: string): string =>
  join(stateDirectory, stateNames.fileScan);

/** The last scan of all files, over restarts. */
export class KeptScan implements FileScans {
  private scan: FileScan | undefined;

  private constructor(private readonly path: string) {}

  /** What cannot be read counts as no scan: the next window makes a new one. */
  static async open(stateDirectory: string): Promise<KeptScan> {
    const kept = new KeptScan(keptScanFile(stateDirectory));
    const text = await readStateFile(kept.path, longestBytes).catch(() => undefined);
    if (text !== undefined) kept.scan = parseStoredScan(text);
    return kept;
  }

  latest(): FileScan | undefined {
    return this.scan;
  }

  /** A scan that cannot be written counts until the next start. */
  async keep(scan: FileScan, log: Log): Promise<void> {
    this.scan = scan;
    try {
      await writeFileAtomically(this.path, `${JSON.stringify(scan)}\n`);
    } catch (error) {
      log.warn(`The scan of files could not be written to ${this.path}: ${plainReason(error)}.`);
    }
  }
}
