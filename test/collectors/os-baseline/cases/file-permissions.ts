import type { FileState } from '../../../../collectors/os-baseline/facts/host-files.js';
import { type CheckCases, type Given, none } from '../judged.js';

const groups = [
  { name: 'root', gid: 0, members: [] },
  { name: 'adm', gid: 4, members: [] },
  { name: 'shadow', gid: 42, members: [] },
];

const file = (mode: number, uid = 0, gid = 0): FileState => ({
  kind: 'file',
  mode,
  uid,
  gid,
  sizeBytes: 100,
});
const given = (mode: number, uid = 0, gid = 0): Given => [file(mode, uid, gid), groups];

/** A file that everybody may read. */
const readable = (mode: number): CheckCases => ({
  pass: [given(mode), given(0o400), given(mode, 0, 4), [file(mode), none]],
  fail: [
    [given(mode | 0o002), `mode ${(mode | 0o002).toString(8).padStart(4, '0')}`],
    [given(mode | 0o020), `mode ${(mode | 0o020).toString(8).padStart(4, '0')}`],
    [given(mode, 1000), 'owned by user 1000'],
    [given(0o6755, 1000), 'owned by user 1000, mode 6755'],
  ],
});

/** A file that its group alone may read beside root. */
const hidden: CheckCases = {
  pass: [given(0o640, 0, 42), given(0o640), given(0o600), given(0), given(0o600, 0, 4)],
  fail: [
    [given(0o644, 0, 42), 'mode 0644'],
    [given(0o640, 0, 4), 'group 4'],
    [given(0o660, 0, 42), 'mode 0660'],
    [given(0o640, 1, 4), 'owned by user 1, group 4'],
    [[file(0o640, 0, 42), none], 'group 42'],
  ],
};

/** A file for root alone. */
const rootOnly = (mode: number): CheckCases => ({
  pass: [given(mode), given(mode, 0, 4), given(0o400)],
  fail: [
    [given(mode | 0o040), `mode ${(mode | 0o040).toString(8).padStart(4, '0')}`],
    [given(mode | 0o004), `mode ${(mode | 0o004).toString(8).padStart(4, '0')}`],
    [given(mode, 1000), 'owned by user 1000'],
  ],
});

const sticky: CheckCases = {
  pass: [[file(0o1777)], [file(0o755)], [file(0o700)]],
  fail: [
    [[file(0o777)], 'mode 0777'],
    [[file(0o775)], 'mode 0775'],
    [[file(0o1777, 1000)], 'owned by user 1000'],
  ],
};

export const filePermissionCases: Readonly<Record<string, CheckCases>> = {
  'file-etc-passwd': readable(0o644),
  'file-etc-passwd-backup': readable(0o644),
  'file-etc-group': readable(0o644),
  'file-etc-group-backup': readable(0o644),
  'file-etc-fstab': readable(0o644),
  'file-etc-shadow': hidden,
  'file-etc-shadow-backup': hidden,
  'file-etc-gshadow': hidden,
  'file-etc-gshadow-backup': hidden,
  'file-etc-crontab': rootOnly(0o600),
  'file-etc-anacrontab': rootOnly(0o600),
  'file-etc-cron-hourly': rootOnly(0o700),
  'file-etc-cron-daily': rootOnly(0o700),
  'file-etc-cron-weekly': rootOnly(0o700),
  'file-etc-cron-monthly': rootOnly(0o700),
  'file-etc-cron-d': rootOnly(0o700),
  'file-etc-sudoers': {
    pass: [given(0o440), given(0o400)],
    fail: [
      [given(0o444), 'mode 0444'],
      [given(0o640), 'mode 0640'],
      [given(0o440, 0, 4), 'group 4'],
    ],
  },
  'file-root': {
    pass: [given(0o700), given(0o750)],
    fail: [
      [given(0o755), 'mode 0755'],
      [given(0o770), 'mode 0770'],
      [given(0o750, 0, 4), 'group 4'],
    ],
  },
  'file-tmp-sticky': sticky,
  'file-var-tmp-sticky': sticky,
  'file-dev-shm-sticky': sticky,
};
