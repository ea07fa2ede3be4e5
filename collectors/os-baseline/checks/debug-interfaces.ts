import { check, type Check, fail, failIf, listed, pass } from './check.js';

const serial = /^(tty(S|USB|AMA|SAC|PS|O|mxc|LP|STM|GS|HS|MSM|SC|UL|fIQ)\d+|hvc\d+)/;

export const debugChecks: readonly Check[] = [
  check({
    id: 'console-login',
    subject: 'debug',
    title: 'No console logs somebody in without a password',
    severity: 'Critical',
    expected: 'no getty with --autologin, -n or --skip-login in units and inittab',
    remedy:
      'Take the option out of the unit or /etc/inittab, so that the console asks for a password.',
    needs: ['consoles', 'processes'],
    judge(consoles, processes) {
      const written = consoles.filter(({ what }) => what === 'logs somebody in');
      const running = processes.filter(({ args }) =>
        args?.some((arg) => /^(--autologin|--skip-login)\b|^-a$/.test(arg)),
      );
      return failIf(
        listed([
          ...new Set(written.map(({ where }) => where)),
          ...running.map(({ name, pid }) => `${name} (${pid})`),
        ]),
      );
    },
  }),
  check({
    id: 'console-shell',
    subject: 'debug',
    title: 'No console starts a shell without a login',
    severity: 'Critical',
    expected: 'no shell in the place of a getty in units and inittab',
    remedy: 'Start getty there instead of the shell, so that the console asks for a password.',
    needs: ['consoles'],
    judge: (consoles) =>
      failIf(
        listed([
          ...new Set(
            consoles.filter(({ what }) => what === 'starts a shell').map(({ where }) => where),
          ),
        ]),
      ),
  }),
  check({
    id: 'serial-console',
    subject: 'debug',
    title: 'The kernel has no serial console',
    severity: 'Informational',
    expected: 'no console= with a serial line on the command line of the kernel',
    remedy:
      'Take it out for devices in the field, or set a password for the boot loader and for root.',
    needs: ['commandLine'],
    judge: (commandLine) =>
      failIf(
        listed([
          ...commandLine.valuesOf('console').filter((value) => serial.test(value)),
          ...commandLine
            .valuesOf('earlycon')
            .map((value) => (value === '' ? 'earlycon' : `earlycon=${value}`)),
        ]),
      ),
  }),
  check({
    id: 'kernel-debugger',
    subject: 'debug',
    title: 'The debugger of the kernel cannot be reached over a serial line',
    severity: 'Critical',
    expected: 'no kgdboc, ekgdboc, kgdbdbgp or kgdbwait, at boot or set since',
    remedy: 'Take it out of the command line of the kernel, and build it without CONFIG_KGDB.',
    needs: ['commandLine', '?text:/sys/module/kgdboc/parameters/kgdboc'],
    judge({ words }, now = '') {
      const atBoot = words.filter((word) => /^(kgdboc|ekgdboc|kgdbdbgp|kgdbwait)(=|$)/.test(word));
      const isSet = now.trim() !== '' && now.trim() !== '(null)';
      return failIf(listed([...atBoot, ...(isSet ? [`kgdboc = ${now.trim()}`] : [])]));
    },
  }),
  check({
    id: 'debugfs',
    subject: 'debug',
    title: 'The debug file system of the kernel is not mounted',
    severity: 'Warning',
    expected: 'no mount of debugfs',
    remedy: 'Mask sys-kernel-debug.mount, or start the kernel with debugfs=off.',
    needs: ['mounts'],
    judge: ({ all }) =>
      failIf(
        listed(all.filter(({ type }) => type === 'debugfs').map(({ mountPoint }) => mountPoint)),
      ),
  }),
  check({
    id: 'memory-strict',
    subject: 'debug',
    title: 'Memory of devices cannot be written through /dev/mem',
    severity: 'Important',
    expected: 'no iomem=relaxed on the command line of the kernel',
    remedy: 'Take iomem=relaxed out of the command line of the kernel.',
    needs: ['commandLine'],
    judge: (commandLine) =>
      failIf(commandLine.valuesOf('iomem').includes('relaxed') && 'iomem=relaxed'),
  }),
  check({
    id: 'core-dumps',
    subject: 'debug',
    title: 'Memory of programs that crash is not kept',
    severity: 'Warning',
    expected:
      'core 0 for all in limits.conf, Storage=none in coredump.conf, or core_pattern |/bin/false',
    remedy:
      'Write "* hard core 0" to /etc/security/limits.d/core.conf, and Storage=none to /etc/systemd/coredump.conf.',
    section: '1.5.1',
    needs: ['parameter:kernel.core_pattern', '?systemd:coredump', '?limits'],
    judge(pattern, coredump, limits = '') {
      if (/^(\|(\/usr)?\/bin\/(false|true)\b|$)/.test(pattern.trim())) return pass;
      if (/^\|.*\/systemd-coredump\b/.test(pattern))
        return failIf(
          coredump?.get('Storage') !== 'none' &&
            `Storage=${coredump?.get('Storage') ?? 'external'}`,
        );
      if (pattern.startsWith('|')) return fail('a program takes them');
      return /^\s*\*\s+(hard|-)\s+core\s+0\s*(#.*)?$/m.test(limits)
        ? pass
        : fail('no limit of their size for all users');
    },
  }),
  check({
    id: 'usb-gadget',
    subject: 'debug',
    title: 'The device gives no console or debug bridge to a USB host',
    severity: 'Important',
    expected: 'no gadget function acm, gser, ffs.adb or the like is bound to a port',
    remedy:
      'Take the function out of the gadget, or leave the port unbound on devices in the field.',
    needs: ['usbGadgets'],
    judge: (functions) =>
      failIf(listed(functions.filter((name) => /^(acm|gser|obex)\.|^ffs\..*adb/i.test(name)))),
  }),
];
