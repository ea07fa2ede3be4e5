import { mountsOf, parseMountInfo } from '../../../../collectors/os-baseline/facts/mounts.js';
import type { CheckCases, Given } from '../judged.js';

const root = '22 1 179:2 / / rw,relatime shared:1 - ext4 /dev/mmcblk0p2 rw\n';

/** The mounts of a device whose root is on an SD card, and these. */
const mounts = (...lines: readonly string[]): Given => [
  mountsOf(parseMountInfo(root + lines.join('\n'))),
];

const at = (path: string, options: string): string =>
  `30 22 0:25 / ${path} ${options} shared:2 - tmpfs tmpfs rw`;

const option = (path: string, name: string): CheckCases => ({
  pass: [
    mounts(at(path, `rw,${name}`)),
    // What is mounted over another mount is what one finds there.
    mounts(at(path, 'rw,relatime'), at(path, `rw,${name},relatime`)),
  ],
  fail: [
    [mounts(at(path, 'rw,relatime')), 'mounted with rw,relatime'],
    [mounts(at(path, `rw,${name}`), at(path, 'rw')), 'mounted with rw'],
    [mounts(at(path, `rw,x${name}`)), `mounted with rw,x${name}`],
  ],
  notApplicable: [mounts(), mounts(at(`${path}/deeper`, 'rw'))],
});

const usb = (options: string): Given => {
  const [stick] = parseMountInfo(`40 22 8:1 / /media/stick ${options} - vfat /dev/sda1 rw`);
  if (stick === undefined) throw new Error('no mount');
  return [mountsOf([...parseMountInfo(root), { ...stick, removable: true }])];
};

const removable = (name: string): CheckCases => ({
  pass: [usb(`rw,${name}`)],
  fail: [[usb('rw,relatime'), `/media/stick lacks ${name}`]],
  notApplicable: [mounts()],
});

const nfs = (options: string): string =>
  `50 22 0:40 / /data ${options} - nfs4 10.0.0.1:/data rw,vers=4.2`;

export const mountOptionCases: Readonly<Record<string, CheckCases>> = {
  'mount-tmp-nodev': option('/tmp', 'nodev'),
  'mount-tmp-nosuid': option('/tmp', 'nosuid'),
  'mount-tmp-noexec': option('/tmp', 'noexec'),
  'mount-var-tmp-nodev': option('/var/tmp', 'nodev'),
  'mount-var-tmp-nosuid': option('/var/tmp', 'nosuid'),
  'mount-var-tmp-noexec': option('/var/tmp', 'noexec'),
  'mount-home-nodev': option('/home', 'nodev'),
  'mount-dev-shm-nodev': option('/dev/shm', 'nodev'),
  'mount-dev-shm-nosuid': option('/dev/shm', 'nosuid'),
  'mount-dev-shm-noexec': option('/dev/shm', 'noexec'),
  'mount-removable-nodev': removable('nodev'),
  'mount-removable-nosuid': removable('nosuid'),
  'mount-removable-noexec': removable('noexec'),
  'mount-network-nodev-nosuid': {
    pass: [mounts(nfs('rw,nosuid,nodev'))],
    fail: [
      [mounts(nfs('rw')), '/data lacks nodev; /data lacks nosuid'],
      [mounts(nfs('rw,nodev')), '/data lacks nosuid'],
    ],
    notApplicable: [mounts()],
  },
  'mount-tmp': {
    pass: [mounts(at('/tmp', 'rw'))],
    fail: [[mounts(), '/tmp is a directory of the root file system']],
  },
  'root-read-only': {
    pass: [
      [mountsOf(parseMountInfo('22 1 179:2 / / ro,relatime - squashfs /dev/mmcblk0p2 ro'))],
      [mountsOf(parseMountInfo('22 1 254:0 / / rw,relatime - ext4 /dev/dm-0 ro'))],
    ],
    fail: [[mounts(), 'ext4 mounted rw']],
    notApplicable: [[mountsOf([])]],
  },
};
