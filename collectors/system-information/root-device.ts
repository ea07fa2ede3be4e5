import { posix } from 'node:path';
import { type MountInfo, parseMountTable } from '../kernel/files/mount-info.js';
import { known, type SystemFiles, tidy, type Told } from './system-files.js';

/** How many devices may lie below one another: a partition, RAID, encryption and volumes are four. */
const mostLayers = 16;

/** What the root is on, whether it can be written, and whether it is encrypted or checked on the way. */
export async function rootDevice(files: SystemFiles): Promise<Told> {
  const { procRoot } = files.paths;
  // The service has a mount namespace of its own, in which nearly all is read-only.
  const first = await files.text(`${procRoot}/1/mountinfo`);
  const mounts = parseMountTable(first ?? (await files.text(`${procRoot}/self/mountinfo`)) ?? '');
  const root = mounts.findLast(({ mountPoint }) => mountPoint === '/');
  if (root === undefined) return {};
  const boot = mounts.findLast(({ mountPoint }) => mountPoint === '/boot') ?? root;
  const below = await layersBelow(files, root);
  return {
    fields: known({ BootDevice: await nodeOf(files, boot) }),
    details: known({
      RootDevice: await nodeOf(files, root),
      RootFileSystem: tidy(root.type),
      RootReadOnly: readOnly(root, first !== undefined),
      RootEncryption: encryption(below),
      RootVerity: verity(below, (await files.text(`${procRoot}/cmdline`)) ?? ''),
    }),
  };
}

/** In a namespace that is not known to be that of the device, a mount that is read-only says nothing about it. */
function readOnly(root: MountInfo, isOfDevice: boolean): string | undefined {
  if (root.superOptions.has('ro')) return 'true';
  if (!root.options.has('ro')) return 'false';
  return isOfDevice ? 'true' : undefined;
}

/** The directory in /sys of the device of a mount; undefined where it is no disk: an overlay, a share. */
async function directoryOf(files: SystemFiles, mount: MountInfo): Promise<string | undefined> {
  const { sysRoot } = files.paths;
  const target = await files.target(`${sysRoot}/dev/block/${mount.device}`);
  if (target !== undefined) return posix.join(sysRoot, 'dev/block', target);
  // btrfs has numbers of its own, and names one of its devices; of others there may be no table by number.
  const name = /^\/dev\/(?:.*\/)?([^/]+)$/.exec(mount.source)?.[1];
  if (name === undefined || name === 'root') return undefined;
  const byName = await files.target(`${sysRoot}/class/block/${name}`);
  if (byName !== undefined) return posix.join(sysRoot, 'class/block', byName);
  const named = await mappedAs(files, name);
  return named === undefined ? undefined : `${sysRoot}/block/${named}`;
}

/** The device of the device mapper that has this name; /dev/mapper holds links that a sandbox may not show. */
async function mappedAs(files: SystemFiles, name: string): Promise<string | undefined> {
  const { sysRoot } = files.paths;
  for (const device of (await files.names(`${sysRoot}/block`)) ?? []) {
    if (!device.startsWith('dm-')) continue;
    if ((await files.value(`${sysRoot}/block/${device}/dm/name`)) === name) return device;
  }
  return undefined;
}

async function nodeOf(files: SystemFiles, mount: MountInfo): Promise<string | undefined> {
  const directory = await directoryOf(files, mount);
  if (directory !== undefined) return tidy(`/dev/${posix.basename(directory)}`);
  return mount.source.startsWith('/dev/') && mount.source !== '/dev/root'
    ? tidy(mount.source)
    : undefined;
}

interface Layers {
  /** The ids that the device mapper has for its devices, empty where one has none. */
  readonly mapped: readonly string[];
  /** Whether every layer down to the disks was seen. */
  readonly isWhole: boolean;
}

/** Goes down from the device of the root, through the volumes, the encryption and the RAID below it. */
async function layersBelow(files: SystemFiles, root: MountInfo): Promise<Layers> {
  const top = await directoryOf(files, root);
  if (top === undefined) return { mapped: [], isWhole: false };
  const seen = new Set<string>();
  const mapped: string[] = [];
  const waiting = [top];
  for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) {
    if (seen.has(at)) continue;
    if (seen.size >= mostLayers) return { mapped, isWhole: false };
    seen.add(at);
    const name = posix.basename(at);
    // Not shown here, or a file of another file system, of which nothing is known.
    if (!(await files.exists(at)) || name.startsWith('loop')) return { mapped, isWhole: false };
    // A partition has nothing below it but its disk, which may be an array.
    if (await files.exists(`${at}/partition`)) waiting.push(posix.dirname(at));
    const isMapped = name.startsWith('dm-');
    const slaves = await files.names(`${at}/slaves`);
    if (isMapped) mapped.push((await files.value(`${at}/dm/uuid`)) ?? '');
    if (isMapped && (slaves === undefined || slaves.length === 0))
      return { mapped, isWhole: false };
    for (const slave of slaves ?? []) {
      const target = await files.target(`${at}/slaves/${slave}`);
      waiting.push(posix.join(`${at}/slaves`, target ?? slave));
    }
  }
  return { mapped, isWhole: true };
}

/** `CRYPT-LUKS2-…`: cryptsetup marks its devices so; `none` only where nothing was left unseen. */
function encryption({ mapped, isWhole }: Layers): string | undefined {
  const kinds = mapped.flatMap((id) => /^CRYPT-([A-Z0-9]{1,16})-/.exec(id)?.[1] ?? []);
  const kind = kinds.find((each) => each !== 'VERITY' && each !== 'INTEGRITY');
  if (kind !== undefined) return kind;
  return isWhole && !mapped.includes('') ? 'none' : undefined;
}

/** By the mark of cryptsetup, or where the kernel made the device itself, by what it was told at the boot. */
function verity({ mapped, isWhole }: Layers, commandLine: string): string | undefined {
  if (mapped.some((id) => id.startsWith('CRYPT-VERITY-'))) return 'true';
  if (mapped.includes('') && /\bdm-mod\.create="[^"]* verity /.test(commandLine)) return 'true';
  return isWhole && !mapped.includes('') ? 'false' : undefined;
}
