import { check, type Check, fail, failIf, listed, notApplicable, pass } from './check.js';
import { excessOf } from './file-permissions.js';

/** A shell instead of the system, before anybody has logged in. */
const shells =
  /^((rd)?init=\/(usr\/)?s?bin\/(ba|da|a)?sh|single|S|1|rescue|emergency|rd\.break(=.*)?|systemd\.debug[-_]shell(=(1|y|yes|true|on|tty\w+))?|systemd\.unit=(rescue|emergency)\.target)$/;

const grubFiles = ['/boot/grub/grub.cfg', '/boot/grub2/grub.cfg'] as const;

export const bootChecks: readonly Check[] = [
  ...grubFiles.map((path) =>
    check({
      id: `boot${path.slice('/boot'.length).replaceAll(/[/.]/g, '-')}`,
      subject: 'boot',
      title: `The configuration of the boot loader, ${path}, is for root alone`,
      severity: 'Important',
      expected: `${path} owned by root, mode 0600 or stricter`,
      remedy: `Run chown root:root ${path} and chmod 0600 ${path}, also after each update-grub.`,
      section: '1.4.1',
      // The rule of the successor is about the file that most distributions have.
      ...(path === grubFiles[0] && { ruleId: '091f0150-80d1-0e2d-7353-8cdb77fc6aa1' }),
      needs: [`file:${path}`],
      judge: (file) => failIf(excessOf(file, 0o600, [0])),
    }),
  ),
  ...grubFiles.map((path) =>
    check({
      id: `boot-password${path.slice('/boot'.length).replaceAll(/[/.]/g, '-')}`,
      subject: 'boot',
      title: `Whoever changes what the boot loader starts must know a password (${path})`,
      severity: 'Important',
      expected: 'superusers and a password_pbkdf2 in the configuration of GRUB',
      remedy:
        'Make a hash with grub-mkpasswd-pbkdf2, write superusers and password_pbkdf2 to /etc/grub.d/40_custom and run update-grub.',
      section: '1.4.2',
      ...(path === grubFiles[0] && { ruleId: '8a4f5ce8-41c4-710c-631e-fbc36a2fa53e' }),
      needs: [`text:${path}`],
      judge(text) {
        const hasUsers = /^\s*set\s+superusers\s*=\s*["']?\w/m.test(text);
        const hasPassword = /^\s*password_pbkdf2\s+\S+\s+\S/m.test(text);
        return hasUsers && hasPassword ? pass : fail('no password is asked for');
      },
    }),
  ),
  check({
    id: 'boot-uboot-environment',
    subject: 'boot',
    title: 'Only root can change what U-Boot starts',
    severity: 'Critical',
    expected: 'what /etc/fw_env.config names is owned by root, and nobody else may write it',
    remedy:
      'Give the devices that /etc/fw_env.config names to root with mode 0600, by a rule of udev.',
    needs: ['ubootEnvironment'],
    judge(places) {
      if (places.size === 0) return notApplicable('/etc/fw_env.config names nothing that exists');
      const open = [...places].filter(([, { mode, uid }]) => uid !== 0 || (mode & 0o022) !== 0);
      return failIf(
        listed(
          open.map(([path, { mode, uid }]) => `${path} (user ${uid}, mode ${mode.toString(8)})`),
        ),
      );
    },
  }),
  check({
    id: 'boot-no-shell',
    subject: 'boot',
    title: 'The device starts its system and no bare shell',
    severity: 'Critical',
    expected:
      'no init=/bin/sh, single, rescue, rd.break or systemd.debug_shell on the command line of the kernel',
    remedy: 'Take that word from the command line in the configuration of the boot loader.',
    needs: ['commandLine'],
    judge: ({ words }) => failIf(listed(words.filter((word) => shells.test(word)))),
  }),
  check({
    id: 'boot-secure-boot',
    subject: 'boot',
    title: 'The firmware starts signed programs alone',
    severity: 'Important',
    expected: 'Secure Boot is on',
    remedy: 'Enrol keys and switch Secure Boot on in the setup of the firmware.',
    needs: ['secureBoot'],
    judge: (isOn) => (isOn ? pass : fail('Secure Boot is off')),
  }),
  check({
    id: 'boot-verified-root',
    subject: 'boot',
    title: 'What the root file system holds is verified when it is read',
    severity: 'Informational',
    expected: 'the root lies on dm-verity',
    remedy:
      'Build the image with dm-verity and have the boot loader or a signed initramfs give its root hash.',
    needs: ['rootDevice'],
    judge: ({ type, verified }) => (verified ? pass : fail(`${type} without dm-verity`)),
  }),
];
