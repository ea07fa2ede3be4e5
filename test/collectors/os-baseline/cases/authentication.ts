import {
  type Pam,
  type PamRule,
  parsePamLines,
  parseSecuritySettings,
} from '../../../../collectors/os-baseline/facts/pam.js';
import { parseSudoers, type Sudoers } from '../../../../collectors/os-baseline/facts/sudoers.js';
import { type CheckCases, none } from '../judged.js';

const rules = (...lines: readonly string[]): PamRule[] =>
  parsePamLines(lines.join('\n')).filter((line): line is PamRule => !('include' in line));

/** With the rules of these services and the settings of these files in /etc/security. */
const pam = (
  services: Readonly<Record<string, readonly string[]>>,
  settings: Readonly<Record<string, string>> = {},
): Pam => ({
  services: new Map(Object.entries(services).map(([name, lines]) => [name, rules(...lines)])),
  settings: new Map(
    Object.entries(settings).map(([name, text]) => [name, parseSecuritySettings(text)]),
  ),
});

const passwd = (...lines: readonly string[]) => pam({ passwd: lines });
const unix = 'password [success=1 default=ignore] pam_unix.so obscure';
const sudo = (text: string): [Sudoers] => [parseSudoers(text)];
const quality = 'password requisite pam_pwquality.so retry=3';
const nothing = pam({});

export const authenticationCases: Readonly<Record<string, CheckCases>> = {
  'pam-password-quality': {
    pass: [
      [passwd(`${quality} minlen=14`, unix)],
      [pam({ passwd: [quality] }, { 'pwquality.conf': '# minlen = 8\n minlen = 15 # long\n' })],
      [passwd('password required /lib/security/pam_passwdqc.so')],
    ],
    fail: [
      [[passwd(unix)], 'no module that looks at new passwords'],
      [[passwd(quality)], 'minlen is 8 by default'],
      [[passwd('password required pam_cracklib.so minlen=9')], 'minlen is 9'],
    ],
    notApplicable: [[nothing]],
  },
  'pam-password-history': {
    pass: [
      [passwd('password required pam_pwhistory.so remember=5', unix)],
      [passwd(`${unix} remember=24`)],
      [passwd('password required pam_pwhistory.so')],
    ],
    fail: [
      [[passwd(unix)], 'none is remembered'],
      [[passwd(`${unix} remember=4`)], 'remember is 4'],
      [
        [pam({ passwd: ['password required pam_pwhistory.so'] }, { 'pwhistory.conf': 'remember=2' })],
        'remember is 2',
      ],
    ],
    notApplicable: [[nothing]],
  },
  'pam-password-hash': {
    pass: [
      [passwd(`${unix} yescrypt`), none],
      [passwd(`${unix} sha512`), new Map([['ENCRYPT_METHOD', 'MD5']])],
      [passwd(unix), new Map([['ENCRYPT_METHOD', 'SHA512']])],
    ],
    fail: [
      [[passwd(`${unix} md5`), new Map([['ENCRYPT_METHOD', 'YESCRYPT']])], 'md5'],
      [[passwd(unix), new Map([['ENCRYPT_METHOD', 'DES']])], 'DES'],
      [[passwd(unix), none], 'no scheme is named'],
    ],
    notApplicable: [
      [nothing, none],
      [passwd('password required pam_ldap.so'), none],
    ],
  },
  'pam-lockout': {
    pass: [
      [pam({ login: ['auth required pam_faillock.so preauth'] })],
      [pam({ sshd: ['auth required pam_tally2.so deny=5'] })],
      [nothing],
    ],
    fail: [
      [
        [pam({ login: ['auth required pam_unix.so'], sshd: ['auth required pam_faillock.so'] })],
        'login does not count failures',
      ],
      [
        [pam({ sshd: ['auth required pam_faillock.so'] }, { 'faillock.conf': 'deny = 0' })],
        'sshd has deny of 0',
      ],
      [[pam({ login: ['auth required pam_faillock.so deny=9'] })], 'login has deny of 9'],
    ],
  },
  'pam-null-passwords': {
    pass: [
      [pam({ login: ['auth required pam_unix.so'] })],
      [pam({ su: ['auth required pam_unix.so nullok'], login: ['password required pam_unix.so nullok'] })],
    ],
    fail: [
      [
        [
          pam({
            login: ['auth [success=1 default=ignore] pam_unix.so nullok'],
            sshd: ['auth required /lib/security/pam_unix.so try_first_pass nullok'],
          }),
        ],
        'nullok for login, sshd',
      ],
    ],
  },
  'pam-su-restricted': {
    pass: [
      [pam({ su: ['auth sufficient pam_rootok.so', 'auth required pam_wheel.so use_uid'] })],
      [pam({ su: ['auth requisite pam_wheel.so group=admins'] })],
    ],
    fail: [
      [
        [pam({ su: ['auth sufficient pam_wheel.so trust'] })],
        'su is open to everybody who knows a password',
      ],
      [
        [pam({ su: ['# auth required pam_wheel.so'] })],
        'su is open to everybody who knows a password',
      ],
    ],
    notApplicable: [[nothing]],
  },
  'sudo-passwordless': {
    pass: [
      sudo('root ALL=(ALL) NOPASSWD: ALL\n%sudo ALL=(ALL:ALL) ALL\n'),
      sudo('anna ALL=(root) NOPASSWD: /bin/systemctl restart app, PASSWD: ALL\n'),
      sudo('# pi ALL=(ALL) NOPASSWD: ALL\nDefaults !authenticate\nDefaults authenticate\n'),
      sudo('User_Alias NOPASSWD = anna\nDefaults:anna !authenticate\n'),
    ],
    fail: [
      [sudo('pi ALL=(ALL) NOPASSWD: ALL\n%wheel ALL=(ALL) \\\n NOPASSWD:SETENV: ALL'), 'pi, %wheel'],
      [sudo('pi ALL = NOPASSWD: /bin/ls, ALL\n'), 'pi'],
      [sudo('Defaults env_reset, !authenticate\n'), 'everybody (!authenticate)'],
      [sudo('#1000 ALL=(ALL) NOPASSWD: ALL # by uid\n'), '#1000'],
    ],
  },
  'sudo-use-pty': {
    pass: [sudo('Defaults\tenv_reset, use_pty\n')],
    fail: [
      [sudo('Defaults env_reset\n'), 'use_pty is not set'],
      [sudo('Defaults use_pty\nDefaults !use_pty\n'), 'use_pty is not set'],
    ],
  },
  'sudo-log': {
    pass: [sudo(''), sudo('Defaults !syslog, logfile = "/var/log/sudo.log"\n')],
    fail: [[sudo('Defaults !syslog\n'), '!syslog and no logfile']],
  },
  'doas-passwordless': {
    pass: [
      ['permit persist :wheel\npermit nopass anna cmd reboot\n'],
      ['# permit nopass :wheel\npermit nopass keepenv root as anna\n'],
    ],
    fail: [[['permit nopass keepenv :wheel # all\n'], 'permit nopass keepenv :wheel']],
  },
  'login-securetty': {
    pass: [['console\ntty1\nttyS0\n# pts/0\n']],
    fail: [[['tty1\npts/0\nttyp1\n'], 'pts/0, ttyp1']],
  },
};
