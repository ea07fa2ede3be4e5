import { parseAccounts } from '../../../../collectors/os-baseline/facts/accounts.js';
import type { FileState } from '../../../../collectors/os-baseline/facts/host-files.js';
import type { Home } from '../../../../collectors/os-baseline/facts/homes.js';
import type { ShellDefaults } from '../../../../collectors/os-baseline/facts/shell-defaults.js';
import type { CheckCases, Given } from '../judged.js';

const state = (mode: number, uid = 1000, kind: FileState['kind'] = 'file'): FileState => ({
  kind,
  mode,
  uid,
  gid: 1000,
  sizeBytes: 10,
});

const [account] = parseAccounts('anna:x:1000:1000::/home/anna:/bin/sh').all;
if (account === undefined) throw new Error('There is one account.');
const home = (more: Partial<Home> = {}): Given => [
  [{ account, state: state(0o750, 1000, 'directory'), dotFiles: [], authorizedKeys: [], ...more }],
];
const dot = (name: string, mode = 0o644) => ({ dotFiles: [{ name, ...state(mode) }] });
const keys = (mode: number, uid = 1000) => ({
  authorizedKeys: [{ path: '/home/anna/.ssh/authorized_keys', count: 1, ...state(mode, uid) }],
});
const gone = home({ state: undefined });

const forbidden = (name: string): CheckCases => ({
  pass: [home(), home(dot('.profile')), gone],
  fail: [[home(dot(name, 0o600)), '/home/anna']],
});

const defaults = (more: Partial<ShellDefaults>): Given => [
  { umasks: [], timeouts: [], rootPath: [], ...more },
];
const from = (file: string, value: number) => ({ file, value });
const directory = (name: string, mode?: number, uid = 0) => ({
  file: '/etc/profile',
  directory: name,
  state: mode === undefined ? undefined : state(mode, uid, 'directory'),
});

export const homeCases: Readonly<Record<string, CheckCases>> = {
  'home-exists': {
    pass: [home(), [[]]],
    fail: [
      [gone, 'anna (/home/anna)'],
      [home({ state: state(0o644) }), 'anna (/home/anna)'],
      [home({ account: { ...account, home: '' }, state: undefined }), 'anna (none)'],
    ],
  },
  'home-owned': {
    pass: [home(), gone],
    fail: [[home({ state: state(0o750, 0, 'directory') }), '/home/anna of anna (user 0)']],
  },
  'home-mode': {
    pass: [
      home(),
      gone,
      home({ account: { ...account, home: '/' }, state: state(0o755, 0, 'directory') }),
    ],
    fail: [
      [home({ state: state(0o755, 1000, 'directory') }), '/home/anna (0755)'],
      [home({ state: state(0o770, 1000, 'directory') }), '/home/anna (0770)'],
    ],
  },
  'home-dot-files': {
    pass: [home(dot('.profile')), gone],
    fail: [
      [home(dot('.profile', 0o664)), '/home/anna/.profile (0664)'],
      [home({ ...dot('.bashrc', 0o646), account: { ...account, home: '/' } }), '/.bashrc (0646)'],
    ],
  },
  'home-netrc': forbidden('.netrc'),
  'home-rhosts': forbidden('.rhosts'),
  'home-forward': forbidden('.forward'),
  'home-authorized-keys': {
    pass: [home(), home(keys(0o600)), home(keys(0o644, 0))],
    fail: [
      [home(keys(0o664)), '/home/anna/.ssh/authorized_keys (user 1000, 0664)'],
      [home(keys(0o600, 7)), '/home/anna/.ssh/authorized_keys (user 7, 0600)'],
    ],
  },
  'account-root-path': {
    pass: [defaults({ rootPath: [directory('/bin', 0o755), directory('/gone')] })],
    fail: [
      [defaults({ rootPath: [directory('.')] }), "'.' in /etc/profile"],
      [defaults({ rootPath: [directory('')] }), "'' in /etc/profile"],
      [defaults({ rootPath: [directory('/opt/bin', 0o777)] }), '/opt/bin (0777)'],
      [defaults({ rootPath: [directory('/opt/bin', 0o755, 5)] }), '/opt/bin owned by user 5'],
    ],
  },
  'account-umask': {
    pass: [
      defaults({ umasks: [from('/etc/profile', 0o027)] }),
      defaults({ umasks: [from('/etc/login.defs', 0o077)] }),
    ],
    fail: [
      [defaults({}), 'no file sets it'],
      [
        defaults({ umasks: [from('/etc/login.defs', 0o022), from('/etc/profile', 0o027)] }),
        '022 in /etc/login.defs',
      ],
    ],
  },
  'account-shell-timeout': {
    pass: [defaults({ timeouts: [from('/etc/profile', 900)] })],
    fail: [
      [defaults({}), 'no file sets TMOUT'],
      [defaults({ timeouts: [from('/etc/profile', 0)] }), 'TMOUT=0 in /etc/profile'],
      [defaults({ timeouts: [from('/etc/profile', 3600)] }), 'TMOUT=3600 in /etc/profile'],
    ],
  },
};
