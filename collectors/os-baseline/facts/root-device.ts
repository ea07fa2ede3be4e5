import { type CommandLine, readCommandLine } from './command-line.js';
import type { SubjectReader } from './fact-reader.js';
import { readMounts } from './mounts.js';
import { absent, found } from './reading.js';

/** What lies between the root file system and its disk. */
export interface RootDevice {
  readonly type: string;
  /** Every block that is read is compared with a hash that was made with the image (dm-verity). */
  readonly verified: boolean;
}

/** `root=/dev/dm-0 dm-mod.create="name,,,ro,0 N verity 1 …"` (Documentation/admin-guide/device-mapper/dm-init.rst). */
function startsVerified(line: CommandLine): boolean {
  const isMapped = /^\/dev\/(dm-\d+|mapper\/.+)$/.test(line.valueOf('root') ?? '');
  return isMapped && line.valuesOf('dm-mod.create').some((table) => / verity /.test(table));
}

export const readRootDevice: SubjectReader<RootDevice> = async (context) => {
  const mounts = await readMounts(context);
  if (!('value' in mounts)) return mounts;
  const root = mounts.value.at('/');
  if (root === undefined) return absent('nothing is mounted on /');
  const device = `/sys/dev/block/${root.device}`;
  const uuid = await context.files.text(`${device}/dm/uuid`, 256);
  if ('unreadable' in uuid) return uuid;
  const commandLine = await readCommandLine(context);
  if ('unreadable' in commandLine) return commandLine;
  // veritysetup begins the id of what it makes with this; what the kernel makes by itself at its start has none.
  const verified =
    ('value' in uuid && uuid.value.startsWith('CRYPT-VERITY-')) ||
    ('value' in commandLine && startsVerified(commandLine.value));
  return found({ type: root.type, verified });
};
