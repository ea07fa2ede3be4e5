import { parseCommandLine } from '../../../../collectors/os-baseline/facts/command-line.js';
import { parseKernelConfig } from '../../../../collectors/os-baseline/facts/kernel-config.js';
import { mountsOf, parseMountInfo } from '../../../../collectors/os-baseline/facts/mounts.js';
import { type CheckCases, type Given, none } from '../judged.js';

const built = (...lines: readonly string[]): Given => [parseKernelConfig(lines.join('\n'))];
const started = (text: string): Given => [parseCommandLine(text)];
const lockdown = (text: string): Given => [text];

const option = (name: string): CheckCases => ({
  pass: [built('CONFIG_ARM64=y', `CONFIG_${name}=y`)],
  fail: [
    [built(`# CONFIG_${name} is not set`), `CONFIG_${name}=n`],
    [built(`CONFIG_${name}=m`), `CONFIG_${name}=m`],
  ],
});

const vfat = { loaded: false, builtIn: false, installed: false };
const noFat = mountsOf(parseMountInfo('1 0 8:2 / / rw - ext4 /dev/sda2 rw'));
const fatBoot = mountsOf(parseMountInfo('1 0 8:1 / /boot/efi rw - vfat /dev/sda1 rw'));

const policy = 'SELINUX=enforcing\nSELINUXTYPE=targeted\n';

export const kernelHardeningCases: Readonly<Record<string, CheckCases>> = {
  'kernel-memory-device': {
    pass: [built(), built('CONFIG_DEVMEM=y', 'CONFIG_STRICT_DEVMEM=y')],
    fail: [[built('CONFIG_DEVMEM=y'), 'CONFIG_DEVMEM=y, CONFIG_STRICT_DEVMEM=n']],
  },
  'kernel-memory-rights': option('STRICT_KERNEL_RWX'),
  'kernel-stack-protector': option('STACKPROTECTOR_STRONG'),
  'kernel-usercopy': option('HARDENED_USERCOPY'),
  'kernel-memory-image': {
    pass: [built('# CONFIG_PROC_KCORE is not set')],
    fail: [[built('CONFIG_PROC_KCORE=y'), 'CONFIG_PROC_KCORE=y']],
  },
  'kernel-no-execute': {
    pass: [['processor\t: 0\nflags\t\t: fpu pae nx lm\n']],
    fail: [[['flags\t\t: fpu pae lm nxt\n'], 'the processor has no flag nx']],
    notApplicable: [['processor\t: 0\nFeatures\t: fp asimd\n']],
  },
  'kernel-processor-weaknesses': {
    pass: [
      [new Map([['meltdown', 'Mitigation: PTI']])],
      [new Map([['spectre_v1', 'Not affected']])],
      [new Map()],
    ],
    fail: [
      [
        [new Map([['mds', 'Vulnerable: Clear CPU buffers attempted, no microcode'], ['l1tf', 'Not affected'], ['retbleed', 'Vulnerable']])],
        'mds, retbleed',
      ],
    ],
  },
  'kernel-not-weakened': {
    pass: [started('root=/dev/sda1 ro mitigations=auto quiet'), started('pti=on')],
    fail: [
      [started('mitigations=off nokaslr'), 'mitigations=off, nokaslr'],
      [started('spectre_v2_user=off'), 'spectre_v2_user=off'],
    ],
  },
  'kernel-modules-trusted': {
    pass: [
      [none, none, none, none],
      ['ext4 1 0 - Live 0x0\n', '1', 'N\n', none],
      ['', '0', 'Y\n', none],
      ['', '0', 'N\n', 'none [integrity] confidentiality\n'],
    ],
    fail: [
      [['', '0', 'N\n', '[none] integrity confidentiality\n'], 'any module can be loaded'],
      [['', none, none, none], 'any module can be loaded'],
    ],
  },
  'kernel-lockdown': {
    pass: [lockdown('none [integrity] confidentiality'), lockdown('none integrity [confidentiality]')],
    fail: [[lockdown('[none] integrity confidentiality'), 'lockdown is none']],
  },
  'mandatory-access-control': {
    pass: [['lockdown,capability,yama,apparmor\n'], ['capability,selinux'], ['capability,smack']],
    fail: [[['lockdown,capability,landlock,yama\n'], 'only lockdown,capability,landlock,yama']],
  },
  'selinux-at-boot': {
    pass: [[...started('root=/dev/sda1'), policy]],
    fail: [
      [[...started('selinux=0'), policy], 'selinux=0'],
      [[...started('ro enforcing=0'), policy], 'enforcing=0'],
    ],
  },
  'selinux-enforcing': { pass: [['1'], ['1\n']], fail: [[['0\n'], 'SELinux is permissive']] },
  'selinux-policy': {
    pass: [[policy]],
    fail: [
      [['SELINUX=disabled\nSELINUXTYPE=targeted\n'], 'SELINUX=disabled'],
      [['SELINUX=enforcing\n# SELINUXTYPE=mls\n'], 'no SELINUXTYPE'],
    ],
  },
  'apparmor-at-boot': {
    pass: [[...started('root=/dev/sda1 apparmor=1'), []]],
    fail: [[[...started('apparmor=0'), []], 'apparmor=0']],
  },
  'module-vfat': {
    pass: [
      [vfat, noFat],
      [{ ...vfat, installed: true, barred: 'install' }, noFat],
    ],
    fail: [
      [[{ ...vfat, loaded: true }, noFat], 'it is loaded'],
      [[{ ...vfat, builtIn: true }, noFat], 'it is built into the kernel'],
      [[{ ...vfat, installed: true }, noFat], 'it is installed and not barred'],
    ],
    notApplicable: [[{ ...vfat, loaded: true }, fatBoot]],
  },
};
