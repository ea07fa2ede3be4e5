import { posix } from 'node:path';
import type { FactContext } from './fact-reader.js';
import { found, type Reading } from './reading.js';

export interface Mount {
  readonly mountPoint: string;
  /** The directory of the file system that is mounted there; `/` for all of it. */
  readonly root: string;
  readonly type: string;
  /** The device, the share or the word that the mount was made of. */
  readonly source: string;
  /** Of this mount, as `nodev`. */
  readonly options: ReadonlySet<string>;
  /** Of its file system, which all mounts of it share, as `ro`. */
  readonly superOptions: ReadonlySet<string>;
  /** Major and minor number. */
  readonly device: string;
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

/** /proc/PID/mountinfo (proc_pid_mountinfo(5)); a line that no kernel writes is passed over. */
export function parseMountInfo(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [head = '', tail = ''] = line.split(' - ');
    const [, , device = '', root = '', mountPoint, options = ''] = head.split(' ');
    const [type, source = '', superOptions = ''] = tail.split(' ');
    if (mountPoint === undefined || type === undefined || type === '') return [];
    return [
      {
        mountPoint: unescaped(mountPoint),
        root: unescaped(root),
        type,
        source: unescaped(source),
        options: new Set(options.split(',')),
        superOptions: new Set(superOptions.split(',')),
        device,
        removable: false,
      },
    ];
  });
}

/** Blank, tab, newline and backslash are written as three octal digits. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

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
