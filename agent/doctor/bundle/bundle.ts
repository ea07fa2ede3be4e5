import { gzipSync } from 'node:zlib';
import { FileError, readBoundedFile } from '../../../base/bounded-file.js';
import { plainReason } from '../../../base/errors.js';
import { CommandError, exitCodes } from '../../../base/exit-codes.js';
import type { JsonValue } from '../../../base/json.js';
import { stageFile } from '../../../base/staged-file.js';
import { hostPaths, type Paths } from '../../../collectors/kernel/paths.js';
import { standardLocalSettings } from '../../../config/parse-local-settings.js';
import type { Examination } from '../examination.js';
import { bundleContents } from './contents.js';
import { shownSettings } from './shown-settings.js';
import { createMask } from './secret-mask.js';
import { tarArchive } from './tar.js';

const mostSettingsBytes = 262_144;

interface BundleOptions {
  /** Where to write it; what is there is replaced. */
  readonly file: string;
  readonly configFile: string;
  readonly examination: Examination;
  /** What `doctor --json` prints. */
  readonly rows: JsonValue;
  readonly wallMs: number;
  readonly paths?: Paths;
}

/**
 * Writes an archive (tar, gzip) for whoever is asked for help; its owner alone may read it.
 * @returns its size in bytes
 * @throws CommandError when it cannot be written
 */
export async function writeBundle(options: BundleOptions): Promise<number> {
  const { configFile, examination, file, paths = hostPaths, rows, wallMs } = options;
  const { read } = examination;
  const { hidden, shown } = shownSettings(await textOf(configFile));
  const local = 'settings' in read ? read.settings : standardLocalSettings();
  const mask = await createMask(local, hidden);
  const entries = bundleContents({ examination, mask, paths, rows, settings: shown, wallMs });
  const archive = gzipSync(tarArchive(entries, wallMs));
  try {
    const staged = await stageFile(file, archive, { mode: 0o600 });
    await staged.commit().catch(async (error: unknown) => {
      await staged.discard().catch(() => undefined);
      throw error;
    });
  } catch (error) {
    throw new CommandError(
      `The archive could not be written to ${file}: ${plainReason(error)}; name another file with --bundle.`,
      exitCodes.noPermission,
    );
  }
  return archive.length;
}

/** Empty where it cannot be read, which doctor tells. */
async function textOf(path: string): Promise<string> {
  try {
    return (await readBoundedFile(path, mostSettingsBytes)).bytes.toString('utf8');
  } catch (error) {
    if (error instanceof FileError) return '';
    throw error;
  }
}
