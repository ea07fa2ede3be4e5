import type { SubjectReader } from './fact-reader.js';
import { readMounts } from './mounts.js';
import { absent, found } from './reading.js';

/** What lies between the root file system and its disk. */
export interface RootDevice {
  readonly type: string;
  /** Every block that is read is compared with a hash that was made with the image (dm-verity). */
  readonly verified: boolean;
}

export const readRootDevice: SubjectReader<RootDevice> = async (context) => {
  const mounts = await readMounts(context);
  if (!('value' in mounts)) return mounts;
  const root = mounts.value.at('/');
  if (root === undefined) return absent('nothing is mounted on /');
  const device = `/sys/dev/block/${root.device}`;
  const uuid = await context.files.text(`${device}/dm/uuid`, 256);
  if ('unreadable' in uuid) return uuid;
  // drivers/md/dm: cryptsetup begins the name of its kind with this.
  const verified = 'value' in uuid && uuid.value.startsWith('CRYPT-VERITY-');
  return found({ type: root.type, verified });
};
