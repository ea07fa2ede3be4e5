import type { Mount } from '../facts/mounts.js';
import {
  check,
  type Check,
  fail,
  failIf,
  listed,
  notApplicable,
  pass,
  type Severity,
} from './check.js';

interface MountRow {
  readonly path: string;
  readonly option: 'nodev' | 'nosuid' | 'noexec';
  readonly severity: Severity;
  readonly section: string;
  readonly ruleId?: string;
}

/** Directories in which anybody, or whoever logs in, may put files. */
const rows: readonly MountRow[] = [
  {
    path: '/tmp',
    option: 'nodev',
    severity: 'Warning',
    section: '1.1.3',
    ruleId: 'a87f15ed-1115-a22d-6f43-17db97c91161',
  },
  {
    path: '/tmp',
    option: 'nosuid',
    severity: 'Important',
    section: '1.1.4',
    ruleId: 'a87f15ed-1115-a22d-6f43-17db97c91191',
  },
  { path: '/tmp', option: 'noexec', severity: 'Warning', section: '1.1.5' },
  {
    path: '/var/tmp',
    option: 'nodev',
    severity: 'Warning',
    section: '1.1.8',
    ruleId: 'a87f15ed-1115-a22d-6f43-17db97c91181',
  },
  {
    path: '/var/tmp',
    option: 'nosuid',
    severity: 'Important',
    section: '1.1.9',
    ruleId: 'a87f15ed-1115-a22d-6f43-17db97c91171',
  },
  {
    path: '/var/tmp',
    option: 'noexec',
    severity: 'Warning',
    section: '1.1.10',
    ruleId: 'b97f15dd-8185-a12d-6f43-17db97c98477',
  },
  {
    path: '/home',
    option: 'nodev',
    severity: 'Warning',
    section: '1.1.14',
    ruleId: 'a87f15ed-1115-a22d-6f43-17db97c91111',
  },
  { path: '/dev/shm', option: 'nodev', severity: 'Warning', section: '1.1.15' },
  { path: '/dev/shm', option: 'nosuid', severity: 'Important', section: '1.1.16' },
  {
    path: '/dev/shm',
    option: 'noexec',
    severity: 'Warning',
    section: '1.1.17',
    ruleId: '11e6dc3b-0659-3dc8-7d12-8eb0bb6c0890',
  },
];

const effects = {
  nodev: 'no device files are obeyed',
  nosuid: 'set-user-id bits have no effect',
  noexec: 'no programs are run',
} as const;

const onDirectory = ({ path, option, severity, section, ruleId }: MountRow): Check =>
  check({
    id: `mount${path.replaceAll('/', '-')}-${option}`,
    subject: 'file-systems',
    title: `On ${path} ${effects[option]}`,
    severity,
    expected: `${path} mounted with ${option}`,
    remedy: `Add ${option} to the mount options of ${path} (in /etc/fstab, or in its systemd mount unit) and mount it anew.`,
    section,
    ...(ruleId !== undefined && { ruleId }),
    needs: ['mounts'],
    judge(mounts) {
      const mount = mounts.at(path);
      if (mount === undefined) return notApplicable(`${path} is not a mount of its own`);
      return mount.options.has(option)
        ? pass
        : fail(`mounted with ${[...mount.options].join(',')}`);
    },
  });

interface RemovableRow {
  readonly option: keyof typeof effects;
  readonly cceId: string;
  readonly ruleId: string;
  readonly section: string;
}

const removableRows: readonly RemovableRow[] = [
  {
    option: 'nodev',
    cceId: 'CCE-3522-0',
    ruleId: '5c7537f2-b90b-44a4-89c9-4fca5fd79ef7',
    section: '1.1.18',
  },
  {
    option: 'noexec',
    cceId: 'CCE-4275-4',
    ruleId: '7976cc38-fddb-4913-9295-4fcac2e641c3',
    section: '1.1.20',
  },
  {
    option: 'nosuid',
    cceId: 'CCE-4042-8',
    ruleId: 'cdc390c9-fb4a-47f6-90a7-4e1bd6d0e9e6',
    section: '1.1.19',
  },
];

const onRemovable = ({ option, ...ids }: RemovableRow): Check =>
  check({
    id: `mount-removable-${option}`,
    subject: 'file-systems',
    title: `On media that can be taken out ${effects[option]}`,
    severity: 'Important',
    expected: `every mounted removable disk has ${option}`,
    remedy: `Add ${option} to the mount options of removable media, wherever they are mounted from: /etc/fstab, udev rules, udisks.`,
    ...ids,
    needs: ['mounts'],
    judge({ all }) {
      const removable = all.filter((mount) => mount.removable);
      if (removable.length === 0) return notApplicable('no removable disk is mounted');
      return failIf(without(removable, option));
    },
  });

function without(mounts: readonly Mount[], option: string): string {
  return listed(
    mounts
      .filter(({ options }) => !options.has(option))
      .map(({ mountPoint }) => `${mountPoint} lacks ${option}`),
  );
}

const networkTypes: ReadonlySet<string> = new Set([
  'nfs',
  'nfs4',
  'cifs',
  'smb3',
  '9p',
  'fuse.sshfs',
]);

export const mountOptionChecks: readonly Check[] = [
  ...rows.map(onDirectory),
  ...removableRows.map(onRemovable),
  check({
    id: 'mount-network-nodev-nosuid',
    subject: 'file-systems',
    title: 'On file systems of other machines device files and set-user-id bits have no effect',
    severity: 'Important',
    expected: 'every mounted network file system has nodev and nosuid',
    remedy: 'Add nodev,nosuid to the mount options of network file systems.',
    cceId: 'CCE-4368-7',
    ruleId: '7ca24433-3c08-4ff5-9fe2-d8e1830c5829',
    needs: ['mounts'],
    judge({ all }) {
      const remote = all.filter(({ type }) => networkTypes.has(type));
      if (remote.length === 0) return notApplicable('no network file system is mounted');
      return failIf(
        [without(remote, 'nodev'), without(remote, 'nosuid')].filter(Boolean).join('; '),
      );
    },
  }),
  check({
    id: 'mount-tmp',
    subject: 'file-systems',
    title: 'What programs put into /tmp cannot fill the root file system',
    severity: 'Warning',
    expected: '/tmp is a mount of its own',
    remedy: 'Mount a file system on /tmp, for example with systemctl enable --now tmp.mount.',
    section: '1.1.2',
    needs: ['mounts'],
    judge: (mounts) =>
      mounts.at('/tmp') === undefined ? fail('/tmp is a directory of the root file system') : pass,
  }),
  check({
    id: 'root-read-only',
    subject: 'file-systems',
    title: 'The root file system cannot be written to',
    severity: 'Informational',
    expected: 'the root is mounted ro, or is an image that cannot be changed',
    remedy:
      'Build the device with a read-only root file system, and keep what changes on a partition of its own.',
    needs: ['mounts'],
    judge(mounts) {
      const root = mounts.at('/');
      if (root === undefined) return notApplicable('nothing is mounted on /');
      const cannotChange = root.options.has('ro') || root.superOptions.has('ro');
      return cannotChange ? pass : fail(`${root.type} mounted rw`);
    },
  }),
];
