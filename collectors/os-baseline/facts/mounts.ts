import { posix } from 'node:path';
import { type MountInfo, parseMountTable } from '../../kernel/files/mount-info.js';
import type { FactContext } from './fact-reader.js';
import { found, type Reading } from './reading.js';

export interface Mount extends MountInfo {
  /** Whether its disk can be taken out; the disk that holds the root counts as fixed. */
  readonly removable: boolean;
}

/** The mounts of the device in the order of mounting. */
export interface Mounts {
  readonly all: readonly Mount[];
  /** What one finds at a path: the last mount on that very path. */
  at(path: string): Mount | undefined;
  /** The mount that a file at `path` is in. */
  holding(path: string): Mount | undefined;
}

const longestMountTableBytes = 4 * 1024 * 1024;

/** The mounts of a table, of whose disks nothing is known yet. */
export const parseMountInfo = (text: string): Mount[] =>
  parseMountTable(text).map((mount) => ({ ...mount, removable: false }));

export function mountsOf(all: readonly Mount[]): Mounts {
  return {
    all,
    at: (path) => all.findLast(({ mountPoint }) => mountPoint === path),
    holding(path) {
      for (let at = path; ; at = posix.dirname(at)) {
        const mount = all.findLast(({ mountPoint }) => mountPoint === at);
        if (mount !== undefined || at === '/' || at === '.') return mount;
      }
    },
  };
}

/** Those of the first process: the service has a mount namespace of its own, in which nearly all is read-only. */
export async function readMounts(context: Omit<FactContext, 'host'>): Promise<Reading<Mounts>> {
  const { files } = context;
  const first = await files.text('/proc/1/mountinfo', longestMountTableBytes);
  const text =
    'value' in first ? first : await files.text('/proc/self/mountinfo', longestMountTableBytes);
  if ('unreadable' in first)
    context.limit('Mounts are those of this process: those of the first one are not shown to it.');
  if (!('value' in text)) return text;
  const parsed = parseMountInfo(text.value);
  const system = await diskOf(parsed.find(({ mountPoint }) => mountPoint === '/')?.device, context);
  const all: Mount[] = [];
  for (const mount of parsed) {
    const disk = mount.source.startsWith('/dev/') ? await diskOf(mount.device, context) : undefined;
    const removable = disk !== undefined && disk !== system && (await isRemovable(disk, context));
    all.push({ ...mount, removable });
  }
  return found(mountsOf(all));
}

/** The directory of the whole disk in /sys, of which a partition's is a part. */
async function diskOf(
  device: string | undefined,
  { files }: Pick<FactContext, 'files'>,
): Promise<string | undefined> {
  if (device === undefined || !/^[1-9]\d*:\d+$/.test(device)) return undefined;
  const target = await files.target(`/sys/dev/block/${device}`);
  if (!('value' in target)) return undefined;
  const directory = posix.join('/sys/dev/block', target.value);
  const isPartition = 'value' in (await files.state(`${directory}/partition`));
  return isPartition ? posix.dirname(directory) : directory;
}

async function isRemovable(disk: string, { files }: Pick<FactContext, 'files'>): Promise<boolean> {
  if (/\/usb\d+\//.test(disk)) return true;
  const attribute = await files.text(`${disk}/removable`, 16);
  return 'value' in attribute && attribute.value.trim() === '1';
}
