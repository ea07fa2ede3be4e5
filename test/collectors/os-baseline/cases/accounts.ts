import { parseAccounts } from '../../../../collectors/os-baseline/facts/accounts.js';
import { parseGroups } from '../../../../collectors/os-baseline/facts/groups.js';
import { parsePasswords } from '../../../../collectors/os-baseline/facts/passwords.js';
import { type CheckCases, type Given, none } from '../judged.js';

const root = 'root:x:0:0:root:/root:/bin/sh';
const anna = 'anna:x:1000:1000:Anna:/home/anna:/bin/bash';

const accounts = (...lines: readonly string[]) => parseAccounts([root, ...lines, ''].join('\n'));
const groups = (...lines: readonly string[]) =>
  parseGroups(['root:x:0:', 'shadow:x:42:', ...lines, ''].join('\n'));

/** Hashes of the lengths that crypt(5) gives, of nothing. */
const hash = (prefix: string, length: number): string => `${prefix}${'a'.repeat(length)}`;
const yescrypt = hash('$y$j9T$salt$', 43);
const file = { kind: 'file', mode: 0o640, uid: 0, gid: 42, sizeBytes: 100 };

/** With these password fields by name, of which each has an account. */
const passwords = (fields: Readonly<Record<string, string>>): Given => {
  const names = Object.keys(fields);
  const passwd = names.map((name, index) => `${name}:x:${index}:${index}::/:/bin/sh`).join('\n');
  return [
    parsePasswords(
      passwd,
      Object.entries(fields)
        .map(([name, field]) => `${name}:${field}:20000:0:99999:7:::`)
        .join('\n'),
    ),
  ];
};

export const accountCases: Readonly<Record<string, CheckCases>> = {
  'password-empty': {
    pass: [passwords({ root: '*', anna: yescrypt, bob: '!', carl: '!!' })],
    fail: [
      [passwords({ root: '', anna: yescrypt }), 'root'],
      [passwords({ root: '*', anna: '', bob: '' }), 'anna, bob'],
      [[parsePasswords('guest::1000:1000::/:/bin/sh', '')], 'guest'],
      [[parsePasswords('toor::0:0::/:/bin/sh:', '')], 'toor'],
      [[parsePasswords(' anna:x:1000:1000', ' anna::::::\n')], 'anna'],
    ],
  },
  'password-shipped-account': {
    pass: [passwords({ root: yescrypt, anna: yescrypt, pi: `!${yescrypt}`, admin: '*' })],
    fail: [
      [passwords({ root: '*', pi: hash('$6$salt$', 86) }), 'pi'],
      [passwords({ support: '', ubuntu: yescrypt }), 'support, ubuntu'],
    ],
  },
  'password-root': {
    pass: [passwords({ root: '*' }), passwords({ root: `!${yescrypt}` })],
    fail: [
      [passwords({ root: yescrypt }), 'root has a password'],
      [passwords({ root: '' }), 'root has an empty password'],
    ],
    notApplicable: [passwords({ anna: '*' })],
  },
  'password-weak-hash': {
    pass: [passwords({ root: yescrypt, anna: hash('$6$salt$', 86), bob: '*', carl: 'x' })],
    fail: [
      [passwords({ root: hash('', 13), anna: hash('$1$salt$', 22) }), 'root (DES), anna (MD5)'],
      [passwords({ bob: `!${hash('$1$salt$', 22)}` }), 'bob (MD5)'],
    ],
  },
  'password-in-passwd': {
    pass: [passwords({ root: yescrypt }), [parsePasswords('root:*:0:0::/:/bin/sh', '')]],
    fail: [
      [[parsePasswords(`root:${yescrypt}:0:0::/:/bin/sh`, '')], 'root'],
      [[parsePasswords('root::0:0::/:/bin/sh', '')], 'root'],
    ],
  },
  'password-plus-entries': {
    pass: [[parsePasswords(root, 'root:*:1::::::'), file]],
    fail: [[[parsePasswords(root, 'root:*:1::::::\n+::::::::\n'), file], 'lines that begin with +: 1']],
  },
  'account-uid-zero': {
    pass: [[accounts(anna)]],
    fail: [
      [[accounts(anna, 'toor:x:0:0::/:/bin/sh', 'r:x:00:0::/:')], 'toor, r'],
      // As the C library takes them.
      [[accounts('colon:x:0:0::/:/bin/sh:', 'short:x:0:0', ' blank:x: 0:0:::')], 'colon, short, blank'],
      [[accounts('minus:x:-0:0::/:', 'nul:x:0:0:\0::/:/bin/sh')], 'minus, nul'],
      [[accounts('\u00a0root:x:0:0::/root:/bin/sh')], '\u00a0root'],
    ],
  },
  'account-duplicate-uid': {
    pass: [[accounts(anna)]],
    fail: [[[accounts(anna, 'otto:x:1000:1::/:/bin/sh')], '1000 (anna, otto)']],
  },
  'account-duplicate-name': {
    pass: [[accounts(anna)]],
    fail: [[[accounts(anna, 'anna:x:1001:1::/:/bin/sh')], 'anna (1000, 1001)']],
  },
  'group-duplicate-gid': {
    pass: [[groups('adm:x:4:anna')]],
    fail: [[[groups('adm:x:4:', 'log:x:4:')], '4 (adm, log)']],
  },
  'group-duplicate-name': {
    pass: [[groups('adm:x:4:anna')]],
    fail: [[[groups('adm:x:4:', 'adm:x:5:')], 'adm (4, 5)']],
  },
  'account-group-exists': {
    pass: [[accounts(anna), groups('anna:x:1000:')]],
    fail: [[[accounts(anna), groups()], 'anna (1000)']],
  },
  'account-plus-entries': {
    pass: [[accounts(anna)]],
    fail: [[[accounts('+::::::', '+@staff::::::')], 'lines that begin with +: 2']],
  },
  'group-plus-entries': {
    pass: [['root:x:0:\n']],
    fail: [[['root:x:0:\n+:::\n'], 'lines that begin with +: 1']],
  },
  'account-system-shell': {
    pass: [
      [accounts(anna, 'mqtt:x:101:101::/:/usr/sbin/nologin', 'sync:x:4:4::/bin:/bin/sync'), none],
      [accounts('otto:x:500:500::/:/bin/sh'), new Map([['UID_MIN', '500']])],
    ],
    fail: [
      [[accounts(anna, 'mqtt:x:101:101::/:/bin/sh'), none], 'mqtt (/bin/sh)'],
      [[accounts('nobody:x:65534:65534::/:'), new Map()], 'nobody (/bin/sh)'],
      [[accounts('otto:x:500:500::/:/bin/sh'), new Map([['UID_MIN', 'x']])], 'otto (/bin/sh)'],
    ],
  },
  'account-root-gid': {
    pass: [[accounts()]],
    fail: [[[parseAccounts('root:x:0:1000::/root:/bin/sh')], 'gid 1000']],
    notApplicable: [[parseAccounts(anna)]],
  },
  'group-root': {
    pass: [
      [groups(), accounts(anna)],
      [parseGroups('root:x:0:root'), accounts()],
    ],
    fail: [
      [[parseGroups('wheel:x:0:'), accounts()], 'there is no group root'],
      [[parseGroups('root:x:5:'), accounts()], 'gid 5'],
      [[parseGroups('root:x:0:root,anna'), accounts(anna)], 'anna'],
      [[parseGroups(' root:x:+0:root, anna'), accounts(anna)], 'anna'],
    ],
  },
  'group-shadow-empty': {
    pass: [[groups(), accounts(anna)]],
    fail: [
      [[parseGroups('shadow:x:42:anna,otto'), accounts(anna)], 'anna, otto'],
      [[groups(), accounts('spy:x:7:42::/:/bin/false')], 'spy'],
    ],
    notApplicable: [[parseGroups('root:x:0:'), accounts()]],
  },
};
