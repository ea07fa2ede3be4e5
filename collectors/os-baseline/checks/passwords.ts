import type { Passwords } from '../facts/passwords.js';
import { check, type Check, failIf, listed, notApplicable } from './check.js';

/** Accounts that images and boards of the trade come with, and that whoever scans the net tries first. */
const shippedAccounts: ReadonlySet<string> = new Set(
  `admin administrator alarm anonymous debian debug default demo dietpi ec2-user factory fa guest installer jetson khadas
  linaro linux maintenance nvidia odroid operator orangepi osmc pi radxa rock rock64 service supervisor support sysadmin
  tech technician temp test tester torizon ubnt ubuntu user vagrant volumio weston`.split(/\s+/),
);

/** Whose hashes fall to whoever has them. */
const weakAlgorithms: ReadonlySet<string> = new Set(['DES', 'MD5', 'NT', 'SunMD5', 'SHA-1']);

const letsIn = ['empty', 'set'];

function namesOf(
  { byName }: Passwords,
  isMeant: (state: string, name: string) => boolean,
): string[] {
  return [...byName].flatMap(([name, { state }]) => (isMeant(state, name) ? [name] : []));
}

export const passwordChecks: readonly Check[] = [
  check({
    id: 'password-empty',
    subject: 'accounts',
    title: 'No account can be used without a password',
    severity: 'Critical',
    expected: 'no account with an empty password',
    remedy: 'Lock each with passwd -l NAME, or give it a password with passwd NAME.',
    section: '6.2.1',
    cceId: 'CCE-4238-2',
    ruleId: 'ca9d29b7-79bd-4c99-85e2-1454295c3c8e',
    needs: ['passwords'],
    judge: (passwords) => failIf(listed(namesOf(passwords, (state) => state === 'empty'))),
  }),
  check({
    id: 'password-shipped-account',
    subject: 'accounts',
    title: 'No account that images and boards come with has a usable password',
    severity: 'Critical',
    expected: 'no well-known account, such as pi, admin or support, with a password that works',
    remedy:
      'Remove each with userdel NAME or lock it with passwd -l NAME; use accounts and keys of your own.',
    needs: ['passwords'],
    judge: (passwords) =>
      failIf(
        listed(
          namesOf(passwords, (state, name) => letsIn.includes(state) && shippedAccounts.has(name)),
        ),
      ),
  }),
  check({
    id: 'password-root',
    subject: 'accounts',
    title: 'Nobody can log in as root with a password',
    severity: 'Warning',
    expected:
      'the password of root locked, so that root is reached through accounts of persons or keys',
    remedy: 'Where another way to become root works, run passwd -l root.',
    needs: ['passwords'],
    judge({ byName }) {
      const root = byName.get('root');
      if (root === undefined) return notApplicable('there is no account root');
      if (root.state === 'empty') return failIf('root has an empty password');
      return failIf(root.state === 'set' && 'root has a password');
    },
  }),
  check({
    id: 'password-weak-hash',
    subject: 'accounts',
    title: 'Passwords are kept as hashes that are hard to guess from',
    severity: 'Important',
    expected: 'no password kept with DES, MD5, NT or SHA-1',
    remedy:
      'Set ENCRYPT_METHOD or the option of pam_unix to yescrypt or sha512, then set these passwords again.',
    needs: ['passwords'],
    judge({ byName }) {
      const weak = [...byName].flatMap(([name, { algorithm }]) =>
        algorithm !== undefined && weakAlgorithms.has(algorithm) ? [`${name} (${algorithm})`] : [],
      );
      return failIf(listed(weak));
    },
  }),
  check({
    id: 'password-in-passwd',
    subject: 'accounts',
    title: 'No password stands in the file that everybody may read',
    severity: 'Critical',
    expected: 'x in the second field of each line of /etc/passwd',
    remedy: 'Run pwconv, which moves the hashes to /etc/shadow, then set these passwords again.',
    needs: ['passwords'],
    judge: ({ byName }) =>
      failIf(listed([...byName].flatMap(([name, { inPasswd }]) => (inPasswd ? [name] : [])))),
  }),
  check({
    id: 'password-plus-entries',
    subject: 'accounts',
    title: 'No line of the file of passwords asks a directory service of old',
    severity: 'Important',
    expected: 'no line of /etc/shadow that begins with +',
    remedy: 'Remove these lines from /etc/shadow; name directory services in /etc/nsswitch.conf.',
    section: '6.2.3',
    ruleId: '1a102d2e-76db-5ccf-3580-ccda064e8df3',
    needs: ['passwords', 'file:/etc/shadow'],
    judge: ({ plusLines }) => failIf(plusLines > 0 && `lines that begin with +: ${plusLines}`),
  }),
];
