import { optionsOf, parseUci } from '../../../../collectors/os-baseline/facts/dropbear.js';
import { type Sshd, withCompiledIn } from '../../../../collectors/os-baseline/facts/sshd.js';
import { type CheckCases, type Given, none } from '../judged.js';

const sshd = (written: Readonly<Record<string, string>> = {}): Sshd => ({
  settings: withCompiledIn(
    new Map(Object.entries(written).map(([key, value]) => [key.toLowerCase(), [value]])),
  ),
  source: 'files',
});

/** A setting with values that are well and others that are not; `''` stands for one that nobody wrote. */
const setting = (
  keyword: string,
  well: readonly string[],
  bad: readonly (readonly [value: string, found?: string])[],
): CheckCases => {
  const given = (value: string): Given => [sshd(value === '' ? {} : { [keyword]: value })];
  return {
    pass: well.map(given),
    fail: bad.map(([value, found]) => [given(value), `${keyword} ${found ?? value}`]),
  };
};

const key = (name: string, mode: number, uid = 0) => ({
  path: `/etc/ssh/${name}`,
  isPublic: name.endsWith('.pub'),
  kind: 'file',
  mode,
  uid,
  gid: 0,
  sizeBytes: 400,
});
const secret = 'ssh_host_ed25519_key';

const rootHome = (count: number) => [
  {
    account: { name: 'root', uid: 0, gid: 0, home: '/root', shell: '/bin/sh' },
    state: undefined,
    dotFiles: [],
    authorizedKeys: [{ ...key('', 0o600), path: '/root/.ssh/authorized_keys', count }],
  },
];

const dropbear = (...words: readonly string[]) => [optionsOf(words, 'a test')];
const uci = (lines: string) => parseUci(`config dropbear\n${lines}\n`, '/etc/config/dropbear');

export const sshCases: Readonly<Record<string, CheckCases>> = {
  'ssh-protocol': setting('Protocol', ['', '2'], [['1'], ['2,1']]),
  'ssh-ignore-rhosts': setting('IgnoreRhosts', ['', 'yes', 'Yes'], [['no'], ['shosts-only']]),
  'ssh-rhosts-authentication': setting('RhostsAuthentication', ['', 'no'], [['yes']]),
  'ssh-rhosts-rsa': setting('RhostsRSAAuthentication', ['', 'no'], [['yes']]),
  'ssh-host-based': setting('HostbasedAuthentication', ['', 'no'], [['yes']]),
  'ssh-empty-passwords': setting('PermitEmptyPasswords', ['', 'no'], [['yes']]),
  'ssh-user-environment': setting('PermitUserEnvironment', ['', 'no'], [['yes'], ['LANG,LC_*']]),
  'ssh-root-login': setting('PermitRootLogin', ['no'], [['yes'], ['', 'prohibit-password']]),
  'ssh-passwords': setting('PasswordAuthentication', ['no'], [['yes'], ['', 'yes']]),
  'ssh-auth-tries': setting('MaxAuthTries', ['4', '1'], [['', '6'], ['5'], ['0'], ['x']]),
  'ssh-x11': setting('X11Forwarding', ['', 'no'], [['yes']]),
  'ssh-tcp-forwarding': setting('AllowTcpForwarding', ['no'], [['', 'yes'], ['local']]),
  'ssh-gateway-ports': setting('GatewayPorts', ['', 'no'], [['yes'], ['clientspecified']]),
  'ssh-tunnel': setting('PermitTunnel', ['', 'no'], [['yes'], ['point-to-point']]),
  'ssh-strict-modes': setting('StrictModes', ['', 'yes'], [['no']]),
  'ssh-log-level': setting('LogLevel', ['', 'VERBOSE', 'info'], [['QUIET'], ['DEBUG3']]),
  'ssh-idle-interval': setting(
    'ClientAliveInterval',
    ['300', '5m', '1'],
    [['', '0'], ['301'], ['1h'], ['5 minutes']],
  ),
  'ssh-idle-count': setting('ClientAliveCountMax', ['', '1'], [['0'], ['4']]),
  'ssh-login-grace': setting('LoginGraceTime', ['60', '1m'], [['', '120'], ['0'], ['1m1s']]),
  'ssh-max-startups': setting(
    'MaxStartups',
    ['10:30:60', '10', '4:50:10'],
    [['', '10:30:100'], ['11'], ['10:20:60'], ['x']],
  ),
  'ssh-ciphers': {
    pass: [[sshd()], [sshd({ Ciphers: '^aes256-ctr' })], [sshd({ Ciphers: '-aes128*' })]],
    fail: [
      [[sshd({ Ciphers: 'aes256-ctr,3des-cbc,arcfour128' })], '3des-cbc, arcfour128'],
      [[sshd({ Ciphers: '+aes128-cbc' })], 'aes128-cbc'],
    ],
  },
  'ssh-macs': {
    pass: [[sshd({ MACs: 'hmac-sha2-256,umac-128@openssh.com' })], [sshd({ MACs: '-umac-64*,hmac-sha1*' })]],
    fail: [
      [[sshd({ MACs: 'hmac-sha2-256,hmac-md5-96' })], 'hmac-md5-96'],
      [
        [sshd()],
        'umac-64-etm@openssh.com, hmac-sha1-etm@openssh.com, umac-64@openssh.com, hmac-sha1',
      ],
    ],
  },
  'ssh-key-exchange': {
    pass: [[sshd()], [sshd({ KexAlgorithms: 'curve25519-sha256' })]],
    fail: [
      [
        [sshd({ KexAlgorithms: '^diffie-hellman-group14-sha1' })],
        'diffie-hellman-group14-sha1',
      ],
    ],
  },
  'ssh-root-password': {
    pass: [
      [sshd()],
      [sshd({ PermitRootLogin: 'no' })],
      [
        sshd({
          PermitRootLogin: 'yes',
          PasswordAuthentication: 'no',
          KbdInteractiveAuthentication: 'no',
        }),
      ],
    ],
    fail: [
      [[sshd({ PermitRootLogin: 'yes' })], 'PermitRootLogin yes with passwords'],
      [
        [sshd({ PermitRootLogin: 'yes', PasswordAuthentication: 'no' })],
        'PermitRootLogin yes with passwords',
      ],
    ],
  },
  'ssh-access-limited': {
    pass: [[sshd({ AllowGroups: 'admins' })], [sshd({ DenyUsers: 'guest' })]],
    fail: [[[sshd()], 'none of these is set']],
  },
  'ssh-config-file': {
    pass: [[key('sshd_config', 0o600)]],
    fail: [[[key('sshd_config', 0o644)], 'mode 0644']],
  },
  'ssh-private-keys': {
    pass: [[[key(secret, 0o600), key(`${secret}.pub`, 0o644)]]],
    fail: [
      [[[key(secret, 0o640)]], `/etc/ssh/${secret}: mode 0640`],
      [[[key(secret, 0o600, 7)]], `/etc/ssh/${secret}: owned by user 7`],
    ],
  },
  'ssh-public-keys': {
    pass: [[[key(secret, 0o666), key(`${secret}.pub`, 0o644)]]],
    fail: [[[[key(`${secret}.pub`, 0o664)]], `/etc/ssh/${secret}.pub: mode 0664`]],
  },
  'ssh-root-keys': {
    pass: [
      [rootHome(0), sshd(), none],
      [rootHome(2), sshd({ PermitRootLogin: 'no' }), none],
      [rootHome(2), none, dropbear('-w')],
      [rootHome(2), none, none],
    ],
    fail: [
      [[rootHome(2), sshd(), none], '2 in /root/.ssh/authorized_keys'],
      [[rootHome(1), none, dropbear()], '1 in /root/.ssh/authorized_keys'],
    ],
  },
  'dropbear-passwords': {
    pass: [[dropbear('-s')], [dropbear('-R', '-p', '22', '-sB')], [uci("option PasswordAuth 'off'")]],
    fail: [
      [[dropbear('-R', '-p', '-s')], 'as set by a test'],
      [[dropbear('-rs')], 'as set by a test'],
      [[uci('option Port 22')], 'as set by /etc/config/dropbear'],
    ],
  },
  'dropbear-root-password': {
    pass: [[dropbear('-g')], [dropbear('-w')], [dropbear('-s')], [uci('\toption RootPasswordAuth "0"')]],
    fail: [
      [[dropbear('-B')], 'as set by a test'],
      [[uci("option PasswordAuth 'on'")], 'as set by /etc/config/dropbear'],
    ],
  },
  'dropbear-empty-passwords': {
    pass: [[dropbear()], [dropbear('-s', '-B')]],
    fail: [[[dropbear('-RB')], 'as set by a test']],
  },
};
