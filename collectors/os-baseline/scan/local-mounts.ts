import type { Mount, Mounts } from '../facts/mounts.js';

/** File systems with owners and modes on a disk or a flash of the device. */
const localTypes: ReadonlySet<string> = new Set([
  'bcachefs',
  'btrfs',
  'erofs',
  'ext2',
  'ext3',
  'ext4',
  'f2fs',
  'jffs2',
  'nilfs2',
  'reiserfs',
  'squashfs',
  'ubifs',
  'xfs',
  'yaffs2',
  'zfs',
]);

/** Where container engines and package formats keep roots of their own, whose users are not those of the device. */
export const foreignRoots: readonly string[] = [
  '/snap',
  '/var/lib/containerd',
  '/var/lib/containers',
  '/var/lib/docker',
  '/var/lib/flatpak',
  '/var/lib/kubelet',
  '/var/lib/lxc',
  '/var/lib/lxd',
  '/var/lib/machines',
  '/var/lib/portables',
  '/var/lib/rancher',
  '/var/snap',
];

const isForeign = (path: string): boolean =>
  foreignRoots.some((root) => path === root || path.startsWith(`${root}/`));

/**
 * The mounts whose files are the device's own, each file system once: by the mount of its own root where there is one. The
 * root of the device counts whatever it is, so that a system that runs from an overlay is looked at as well.
 */
export function localMounts(mounts: Mounts): readonly Mount[] {
  const root = mounts.at('/');
  const chosen = new Map<string, Mount>();
  for (const mount of mounts.all) {
    // What is mounted over is not to be seen.
    if (mounts.at(mount.mountPoint) !== mount || isForeign(mount.mountPoint)) continue;
    if (mount !== root && !localTypes.has(mount.type)) continue;
    const present = chosen.get(mount.device);
    const isBetter = present === undefined || (present.root !== '/' && mount.root === '/');
    if (isBetter || mount === root) chosen.set(mount.device, mount);
  }
  return [...chosen.values()];
}
