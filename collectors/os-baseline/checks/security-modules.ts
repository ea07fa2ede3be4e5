import { check, type Check, fail, failIf, listed, pass } from './check.js';

const majorModules: readonly string[] = ['selinux', 'apparmor', 'smack', 'tomoyo'];

/** A line of /sys/kernel/security/lsm, as `capability,landlock,yama,apparmor`. */
const majorOf = (text: string): string | undefined =>
  text
    .trim()
    .split(',')
    .find((name) => majorModules.includes(name));

export const securityModuleChecks: readonly Check[] = [
  check({
    id: 'mandatory-access-control',
    subject: 'kernel',
    title: 'A security module keeps services to what they need',
    severity: 'Important',
    expected: 'selinux, apparmor, smack or tomoyo in /sys/kernel/security/lsm',
    remedy:
      'Install AppArmor or SELinux, and start the kernel with security=apparmor or security=selinux.',
    section: '1.6.1.1',
    needs: ['text:/sys/kernel/security/lsm'],
    judge: (text) => (majorOf(text) === undefined ? fail(`only ${text.trim()}`) : pass),
  }),
  check({
    id: 'selinux-at-boot',
    subject: 'kernel',
    title: 'SELinux is not switched off at the start',
    severity: 'Important',
    expected: 'neither selinux=0 nor enforcing=0 on the command line of the kernel',
    remedy: 'Take that word from the command line in the configuration of the boot loader.',
    section: '1.6.2.1',
    needs: ['commandLine', 'text:/etc/selinux/config'],
    judge: ({ words }) =>
      failIf(listed(words.filter((word) => word === 'selinux=0' || word === 'enforcing=0'))),
  }),
  check({
    id: 'selinux-enforcing',
    subject: 'kernel',
    title: 'SELinux refuses what its policy does not allow',
    severity: 'Important',
    expected: '/sys/fs/selinux/enforce is 1',
    remedy: 'Write SELINUX=enforcing to /etc/selinux/config, and run setenforce 1.',
    section: '1.6.2.2',
    needs: ['text:/sys/fs/selinux/enforce'],
    judge: (text) => (text.trim() === '1' ? pass : fail('SELinux is permissive')),
  }),
  check({
    id: 'selinux-policy',
    subject: 'kernel',
    title: 'SELinux has a policy',
    severity: 'Warning',
    expected: 'SELINUXTYPE in /etc/selinux/config, and SELINUX not disabled',
    remedy: 'Write SELINUXTYPE=targeted and SELINUX=enforcing to /etc/selinux/config.',
    section: '1.6.2.3',
    needs: ['text:/etc/selinux/config'],
    judge(text) {
      if (/^\s*SELINUX\s*=\s*disabled/m.test(text)) return fail('SELINUX=disabled');
      return /^\s*SELINUXTYPE\s*=\s*\w+/m.test(text) ? pass : fail('no SELINUXTYPE');
    },
  }),
  check({
    id: 'apparmor-at-boot',
    subject: 'kernel',
    title: 'AppArmor is not switched off at the start',
    severity: 'Important',
    expected: 'no apparmor=0 on the command line of the kernel',
    remedy: 'Take apparmor=0 from the command line in the configuration of the boot loader.',
    section: '1.6.3.1',
    needs: ['commandLine', 'names:/etc/apparmor.d'],
    judge: ({ words }) => failIf(words.includes('apparmor=0') && 'apparmor=0'),
  }),
];
