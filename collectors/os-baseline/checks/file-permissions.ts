import type { FileState } from '../facts/host-files.js';
import { check, type Check, failIf, type Severity } from './check.js';

interface FileRow {
  readonly path: string;
  readonly what: string;
  /** The most that the mode may have. */
  readonly mode: number;
  /** Groups beside root's that the file may belong to. */
  readonly groups?: readonly string[];
  readonly severity: Severity;
  readonly section?: string;
  readonly cceId?: string;
  readonly ruleId?: string;
}

const shadowGroup = ['shadow'];

const rows: readonly FileRow[] = [
  {
    path: '/etc/passwd',
    what: 'The file of accounts',
    mode: 0o644,
    severity: 'Critical',
    section: '6.1.2',
    cceId: 'CCE-3566-7',
    ruleId: 'ad534c97-1070-415c-9fc7-c92366d3fc30',
  },
  {
    path: '/etc/shadow',
    what: 'The file of password hashes',
    mode: 0o640,
    groups: shadowGroup,
    severity: 'Critical',
    section: '6.1.3',
    ruleId: '13dabe7c-02ea-09d2-1a97-42cc7ac94eaa',
  },
  {
    path: '/etc/group',
    what: 'The file of groups',
    mode: 0o644,
    severity: 'Critical',
    section: '6.1.4',
    cceId: 'CCE-3967-7',
    ruleId: 'c41a47e9-1ba0-4e72-9f43-4659a4bfed63',
  },
  {
    path: '/etc/gshadow',
    what: 'The file of group passwords',
    mode: 0o640,
    groups: shadowGroup,
    severity: 'Critical',
    section: '6.1.5',
    ruleId: '0a7f2b28-8586-6cef-512e-a28f991d83cd',
  },
  {
    path: '/etc/passwd-',
    what: 'The former file of accounts',
    mode: 0o644,
    severity: 'Important',
    section: '6.1.6',
    ruleId: '0c67cac0-1e99-8a8f-32e1-841d18b01a9a',
  },
  {
    path: '/etc/shadow-',
    what: 'The former file of password hashes',
    mode: 0o640,
    groups: shadowGroup,
    severity: 'Critical',
    section: '6.1.7',
    ruleId: '1e941132-a3a7-5ccb-1817-50551b65202e',
  },
  {
    path: '/etc/group-',
    what: 'The former file of groups',
    mode: 0o644,
    severity: 'Important',
    section: '6.1.8',
    ruleId: '865ebb92-8e64-4e3a-aa9b-0290768aa8f1',
  },
  {
    path: '/etc/gshadow-',
    what: 'The former file of group passwords',
    mode: 0o640,
    groups: shadowGroup,
    severity: 'Important',
    section: '6.1.9',
    ruleId: '0fe59dec-472c-4b11-a221-36053a47afb6',
  },
  {
    path: '/etc/crontab',
    what: 'The table of jobs',
    mode: 0o600,
    severity: 'Warning',
    section: '5.1.2',
  },
  {
    path: '/etc/cron.hourly',
    what: 'The directory of hourly jobs',
    mode: 0o700,
    severity: 'Warning',
    section: '5.1.3',
    ruleId: 'ecdce8a2-9986-5833-8211-baf1938c1940',
  },
  {
    path: '/etc/cron.daily',
    what: 'The directory of daily jobs',
    mode: 0o700,
    severity: 'Warning',
    section: '5.1.4',
    ruleId: '0cc35843-7687-60cf-5280-bb98cf9a87c2',
  },
  {
    path: '/etc/cron.weekly',
    what: 'The directory of weekly jobs',
    mode: 0o700,
    severity: 'Warning',
    section: '5.1.5',
    ruleId: '61417e01-8cc4-86ab-0e3b-867d42dea66d',
  },
  {
    path: '/etc/cron.monthly',
    what: 'The directory of monthly jobs',
    mode: 0o700,
    severity: 'Warning',
    section: '5.1.6',
    ruleId: 'b5e94c1f-4d12-8bde-4c5e-98c651bd4430',
  },
  {
    path: '/etc/cron.d',
    what: 'The directory of further tables of jobs',
    mode: 0o700,
    severity: 'Warning',
    section: '5.1.7',
    ruleId: 'efa30987-4c67-73f5-979f-cb50f79466de',
  },
  {
    path: '/etc/anacrontab',
    what: 'The table of jobs of anacron',
    mode: 0o600,
    severity: 'Critical',
    cceId: 'CCE-4304-2',
    ruleId: '8199ae98-8d9c-4a26-88ca-e6d9b87d3644',
  },
  { path: '/etc/fstab', what: 'The table of file systems', mode: 0o644, severity: 'Important' },
  {
    path: '/etc/sudoers',
    what: 'The file of who may become root',
    mode: 0o440,
    severity: 'Critical',
  },
  { path: '/root', what: 'The home directory of root', mode: 0o750, severity: 'Important' },
];

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

/** What of an owner, a group and a mode is more than it may be. */
export function excessOf(
  file: FileState,
  mode: number,
  gids: readonly number[],
): string | undefined {
  const faults = [
    file.uid !== 0 && `owned by user ${file.uid}`,
    !gids.includes(file.gid) && (file.mode & 0o060) !== 0 && mode % 8 === 0 && `group ${file.gid}`,
    (file.mode & ~mode) !== 0 && `mode ${octal(file.mode)}`,
  ].filter((fault) => fault !== false);
  return faults.length === 0 ? undefined : faults.join(', ');
}

const guarded = ({ path, what, mode, groups = [], severity, ...ids }: FileRow): Check =>
  check({
    id: `file${path.replaceAll(/[/.]/g, '-')}`.replace(/-$/, '-backup'),
    subject: 'permissions',
    title: `${what} cannot be changed${mode % 8 === 0 ? ' or read' : ''} by others`,
    severity,
    expected: `${path} owned by root, mode ${octal(mode)} or stricter${groups.length > 0 ? `, group root or ${groups.join(' or ')}` : ''}`,
    remedy: `Run chown root:${groups[0] ?? 'root'} ${path} and chmod ${octal(mode)} ${path}.`,
    ...ids,
    needs: [`file:${path}`, '?groups'],
    judge(file, known = []) {
      const gids = known.filter(({ name }) => groups.includes(name)).map(({ gid }) => gid);
      return failIf(excessOf(file, mode, [0, ...gids]));
    },
  });

export const filePermissionChecks: readonly Check[] = [
  ...rows.map(guarded),
  ...['/tmp', '/var/tmp', '/dev/shm'].map((path) =>
    check({
      id: `file${path.replaceAll('/', '-')}-sticky`,
      subject: 'permissions',
      title: `In ${path} nobody can remove or replace files of others`,
      severity: 'Important',
      expected: `${path} owned by root, with the sticky bit where others may write`,
      remedy: `Run chown root:root ${path} and chmod 1777 ${path}.`,
      needs: [`file:${path}`],
      judge: ({ mode, uid }) =>
        failIf(
          (uid !== 0 && `owned by user ${uid}`) ||
            ((mode & 0o022) !== 0 && (mode & 0o1000) === 0 && `mode ${octal(mode)}`),
        ),
    }),
  ),
];
