import type { FileKind, FileScan, FoundFile } from '../../interface/file-scan.js';
import {
  check,
  type Check,
  error,
  fail,
  listed,
  notApplicable,
  pass,
  type Severity,
  type Verdict,
} from './check.js';

/**
 * Programs that distributions install with raised rights: util-linux, shadow, sudo, doas, PAM, D-Bus, polkit, fuse, OpenSSH,
 * cron, at, exim, ping, X, BusyBox and utempter. By name, because directories differ.
 */
const ordinary: ReadonlySet<string> = new Set(
  (
    'at bsd-write busybox busybox.suid bwrap chage chfn chsh crontab dbus-daemon-launch-helper doas dotlockfile expiry ' +
    'fusermount fusermount3 gpasswd kismet_cap mount mount.cifs mount.nfs mount.nfs4 newgidmap newgrp newuidmap ' +
    'ntfs-3g pam_extrausers_chkpwd pam_timestamp_check passwd ping ping6 pkexec polkit-agent-helper-1 pppd ' +
    'snap-confine ssh-agent ssh-keysign su sudo sudoedit sudoreplay traceroute6.iputils umount umount.nfs umount.nfs4 ' +
    'unix_chkpwd utempter uuidd vlock wall write write.ul Xorg.wrap'
  ).split(' '),
);

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const octal = (mode: number): string => mode.toString(8).padStart(4, '0');
const withMode = ({ path, mode }: FoundFile): string => `${path} (mode ${octal(mode)})`;
const withOwner = ({ path, uid }: FoundFile): string => `${path} (user ${uid})`;
const withGroup = ({ path, gid }: FoundFile): string => `${path} (group ${gid})`;

/** A scan that found nothing and did not see everything proves nothing. */
function judge(
  scan: FileScan,
  found: readonly FoundFile[],
  more: number,
  text: (file: FoundFile) => string,
): Verdict {
  const asOfMs = scan.startedMs;
  if (found.length > 0) {
    const rest = more > 0 ? `; ${more} further ones are not listed` : '';
    return { ...fail(`${listed(found.map(text))}${rest}`), asOfMs };
  }
  if (scan.incomplete !== undefined) return { ...error(scan.incomplete), asOfMs };
  if (more > 0) return { ...error(`${more} of such files were not kept`), asOfMs };
  return { ...pass, asOfMs };
}

interface KindRow {
  readonly id: string;
  readonly kind: FileKind;
  readonly title: string;
  readonly severity: Severity;
  readonly expected: string;
  readonly remedy: string;
  readonly section?: string;
  readonly text: (file: FoundFile) => string;
}

const rows: readonly KindRow[] = [
  {
    id: 'files-writable-programs',
    kind: 'writablePrograms',
    title: 'No program can be changed by everybody',
    severity: 'Critical',
    expected: 'no file with an execute bit that others may write',
    remedy: 'Run chmod o-w on each of them, and find out what made them so.',
    text: withMode,
  },
  {
    id: 'files-writable',
    kind: 'writable',
    title: 'No file can be changed by everybody',
    severity: 'Important',
    expected: 'no regular file that others may write',
    remedy: 'Run chmod o-w on each of them, or move what is shared to a directory of a group.',
    section: '6.1.10',
    text: withMode,
  },
  {
    id: 'files-open-directories',
    kind: 'openDirectories',
    title: 'Where everybody may write, nobody can remove files of others',
    severity: 'Important',
    expected: 'every directory that others may write has the sticky bit',
    remedy: 'Run chmod +t on each of them, or take the right to write from others.',
    section: '1.1.21',
    text: withMode,
  },
  {
    id: 'files-without-owner',
    kind: 'ownerless',
    title: 'Every file belongs to a user that exists',
    severity: 'Important',
    expected: 'no file whose user id has no account',
    remedy:
      'Give each of them to an account with chown, or remove it: the next account with that id would own it.',
    section: '6.1.11',
    text: withOwner,
  },
  {
    id: 'files-without-group',
    kind: 'grouplessFiles',
    title: 'Every file belongs to a group that exists',
    severity: 'Warning',
    expected: 'no file whose group id is in no group',
    remedy:
      'Give each of them to a group with chgrp, or remove it: the next group with that id would own it.',
    section: '6.1.12',
    text: withGroup,
  },
];

const aboutOwners: ReadonlySet<FileKind> = new Set(['ownerless', 'grouplessFiles']);

const ofKind = ({ kind, text, section, ...row }: KindRow): Check =>
  check({
    ...row,
    subject: 'permissions',
    ...(section !== undefined && { section }),
    needs: ['fileScan'],
    judge(scan) {
      const { first, total } = scan.found[kind];
      if (aboutOwners.has(kind) && scan.ownersUnknown !== undefined)
        return notApplicable(scan.ownersUnknown);
      return judge(scan, first, total - first.length, text);
    },
  });

export const fileScanChecks: readonly Check[] = [
  ...rows.map(ofKind),
  check({
    id: 'files-raised-unknown',
    subject: 'permissions',
    title: 'Only known programs run with the rights of their owner or group',
    severity: 'Important',
    expected: 'no set-user-id or set-group-id program beside those that distributions install',
    remedy:
      'Find out which package each of them is from, and run chmod u-s,g-s on what does not need it.',
    section: '6.1.13',
    needs: ['fileScan'],
    judge(scan) {
      const { first, total } = scan.found.raised;
      const unknown = first.filter(({ path }) => !ordinary.has(nameOf(path)));
      return judge(scan, unknown, total - first.length, withMode);
    },
  }),
  check({
    id: 'files-raised-writable',
    subject: 'permissions',
    title: 'Programs that run with raised rights can be changed by their owner alone',
    severity: 'Critical',
    expected: 'no set-user-id or set-group-id program that its group or others may write',
    remedy: 'Run chmod go-w on each of them, and compare it with the file of its package.',
    needs: ['fileScan'],
    judge(scan) {
      const { first, total } = scan.found.raised;
      const writable = first.filter(({ mode }) => (mode & 0o022) !== 0);
      return judge(scan, writable, total - first.length, withMode);
    },
  }),
];
