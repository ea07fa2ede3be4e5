import { parseCommandLine } from '../../../../collectors/os-baseline/facts/command-line.js';
import type { FileState } from '../../../../collectors/os-baseline/facts/host-files.js';
import type { CheckCases, Given } from '../judged.js';

const file = (mode: number, uid = 0, gid = 0): FileState => ({
  kind: 'other',
  mode,
  uid,
  gid,
  sizeBytes: 0,
});

const grubFile: CheckCases = {
  pass: [[file(0o600)], [file(0o400)], [file(0o600, 0, 7)]],
  fail: [
    [[file(0o444)], 'mode 0444'],
    [[file(0o600, 1)], 'owned by user 1'],
  ],
};

const grubPassword: CheckCases = {
  pass: [['set superusers="root"\npassword_pbkdf2 root grub.pbkdf2.sha512.10000.AB\n']],
  fail: [
    [['menuentry Debian {\n}\n'], 'no password is asked for'],
    [['# set superusers="root"\npassword_pbkdf2 root grub.x\n'], 'no password is asked for'],
    [['set superusers="root"\npassword root secret\n'], 'no password is asked for'],
  ],
};

const started = (text: string): Given => [parseCommandLine(text)];
const usual = 'BOOT_IMAGE=/vmlinuz root=UUID=1 ro quiet init=/sbin/init console=tty1';

export const bootCases: Readonly<Record<string, CheckCases>> = {
  'boot-grub-grub-cfg': grubFile,
  'boot-grub2-grub-cfg': grubFile,
  'boot-password-grub-grub-cfg': grubPassword,
  'boot-password-grub2-grub-cfg': grubPassword,
  'boot-uboot-environment': {
    pass: [[new Map([['/dev/mtd1', file(0o640)]])], [new Map([['/dev/mmcblk0', file(0o600)]])]],
    fail: [
      [[new Map([['/dev/mtd1', file(0o660)]])], '/dev/mtd1 (user 0, mode 660)'],
      [[new Map([['/boot/uboot.env', file(0o600, 1000)]])], '/boot/uboot.env (user 1000, mode 600)'],
    ],
    notApplicable: [[new Map()]],
  },
  'boot-no-shell': {
    pass: [started(usual), started('single_user=1 root=/dev/sda1'), started('root=/dev/singles')],
    fail: [
      [started(`${usual} init=/bin/sh`), 'init=/bin/sh'],
      [started('root=/dev/sda1 rdinit=/bin/bash single'), 'rdinit=/bin/bash, single'],
      [started('rd.break systemd.debug_shell'), 'rd.break, systemd.debug_shell'],
      [started('systemd.debug-shell=1'), 'systemd.debug-shell=1'],
      [started('systemd.unit=rescue.target'), 'systemd.unit=rescue.target'],
    ],
  },
  'boot-secure-boot': { pass: [[true]], fail: [[[false], 'Secure Boot is off']] },
  'boot-verified-root': {
    pass: [[{ type: 'squashfs', verified: true }]],
    fail: [[[{ type: 'ext4', verified: false }], 'ext4 without dm-verity']],
  },
};
