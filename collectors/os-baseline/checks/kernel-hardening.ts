import {
  check,
  type Check,
  fail,
  failIf,
  listed,
  notApplicable,
  pass,
  type Severity,
} from './check.js';

/** Words that switch off what protects from weaknesses of the processor (kernel-parameters). */
const weakening =
  /^(mitigations=off|nopti|pti=off|kpti=(0|off)|nospectre_v[12]|spectre_v2(_user)?=off|spec_store_bypass_disable=off|nosmap|nosmep|noexec=off|noexec32=off|norandmaps|nokaslr|l1tf=off|mds=off|tsx_async_abort=off|slab_common\.usercopy_fallback=1|iommu=off)$/;

interface ConfigRow {
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  /** One of these is well; `-` stands for an option that is not set. */
  readonly well: readonly (readonly [option: string, value: string])[];
}

const configRows: readonly ConfigRow[] = [
  {
    id: 'memory-device',
    title: 'The memory of the kernel cannot be had through /dev/mem',
    severity: 'Important',
    well: [
      ['DEVMEM', '-'],
      ['STRICT_DEVMEM', 'y'],
    ],
  },
  {
    id: 'memory-rights',
    title: 'Memory of the kernel that is run cannot be written',
    severity: 'Important',
    well: [['STRICT_KERNEL_RWX', 'y']],
  },
  {
    id: 'stack-protector',
    title: 'The kernel notices overflows of its stacks',
    severity: 'Important',
    well: [['STACKPROTECTOR_STRONG', 'y']],
  },
  {
    id: 'usercopy',
    title: 'The kernel checks what it copies from and to programs',
    severity: 'Warning',
    well: [['HARDENED_USERCOPY', 'y']],
  },
  {
    id: 'memory-image',
    title: 'The memory of the kernel is not offered as a file',
    severity: 'Warning',
    well: [['PROC_KCORE', '-']],
  },
];

const builtWith = ({ id, title, severity, well }: ConfigRow): Check => {
  const says = well.map(([option, value]) =>
    value === '-' ? `CONFIG_${option} not set` : `CONFIG_${option}=${value}`,
  );
  return check({
    id: `kernel-${id}`,
    subject: 'kernel',
    title,
    severity,
    expected: says.join(' or '),
    remedy: `Build the kernel with ${says.join(' or ')}.`,
    needs: ['kernelConfig'],
    judge(config) {
      const isWell = well.some(([option, value]) => (config.get(option) ?? '-') === value);
      const options = well.map(([option]) => `CONFIG_${option}=${config.get(option) ?? 'n'}`);
      return isWell ? pass : fail(options.join(', '));
    },
  });
};

export const kernelHardeningChecks: readonly Check[] = [
  ...configRows.map(builtWith),
  check({
    id: 'kernel-no-execute',
    subject: 'kernel',
    title: 'The processor runs no data as a program',
    severity: 'Critical',
    expected: 'the flag nx in /proc/cpuinfo',
    remedy: 'Switch NX (XD) on in the setup of the firmware, and use a 64-bit or PAE kernel.',
    section: '1.5.2',
    cceId: 'CCE-4172-3',
    ruleId: '49c89437-d116-4d84-a91d-0dd59daafa0d',
    needs: ['text:/proc/cpuinfo'],
    judge(text) {
      // Other architectures have it in their page tables without a flag.
      const flags = /^flags\s*:(.*)$/m.exec(text)?.[1];
      if (flags === undefined) return notApplicable('only x86 processors have a flag for it');
      return flags.split(' ').includes('nx') ? pass : fail('the processor has no flag nx');
    },
  }),
  check({
    id: 'kernel-processor-weaknesses',
    subject: 'kernel',
    title: 'The kernel makes up for the weaknesses of the processor',
    severity: 'Important',
    expected: 'no file of /sys/devices/system/cpu/vulnerabilities begins with Vulnerable',
    remedy:
      'Update the kernel and the microcode, and take words such as mitigations=off from the command line of the kernel.',
    needs: ['vulnerabilities'],
    judge: (states) =>
      failIf(
        listed([...states].filter(([, text]) => /^vulnerable/i.test(text)).map(([name]) => name)),
      ),
  }),
  check({
    id: 'kernel-not-weakened',
    subject: 'kernel',
    title: 'Nothing that protects the kernel is switched off at its start',
    severity: 'Important',
    expected: 'no word such as mitigations=off, nopti or nokaslr on the command line of the kernel',
    remedy: 'Take that word from the command line in the configuration of the boot loader.',
    needs: ['commandLine'],
    judge: ({ words }) => failIf(listed(words.filter((word) => weakening.test(word)))),
  }),
  check({
    id: 'kernel-modules-trusted',
    subject: 'kernel',
    title: 'Nobody can load code of their own into the kernel',
    severity: 'Important',
    expected: 'no modules, kernel.modules_disabled = 1, enforced signatures, or lockdown',
    remedy:
      'Start the kernel with module.sig_enforce=1 or lockdown=integrity, or set kernel.modules_disabled=1 when the device has started.',
    needs: [
      '?text:/proc/modules',
      '?parameter:kernel.modules_disabled',
      '?text:/sys/module/module/parameters/sig_enforce',
      '?text:/sys/kernel/security/lockdown',
    ],
    judge(modules, disabled, enforced, lockdown = '') {
      if (modules === undefined || disabled === '1' || enforced?.trim() === 'Y') return pass;
      return /\[(integrity|confidentiality)\]/.test(lockdown)
        ? pass
        : fail('any module can be loaded');
    },
  }),
  check({
    id: 'kernel-lockdown',
    subject: 'kernel',
    title: 'Not even root can change the running kernel',
    severity: 'Informational',
    expected: 'lockdown is integrity or confidentiality',
    remedy: 'Start the kernel with lockdown=integrity.',
    needs: ['text:/sys/kernel/security/lockdown'],
    judge: (text) =>
      /\[(integrity|confidentiality)\]/.test(text) ? pass : fail('lockdown is none'),
  }),
  check({
    id: 'module-vfat',
    subject: 'file-systems',
    title: 'The file system FAT cannot be loaded where the device starts without it',
    severity: 'Informational',
    expected: 'vfat is not loaded, and not installed or barred in modprobe.d',
    remedy:
      'Where nothing on the device is FAT, write "install vfat /bin/false" to /etc/modprobe.d/vfat.conf.',
    section: '1.1.1.8',
    needs: ['module:vfat', 'mounts'],
    judge({ loaded, builtIn, installed, barred }, { all }) {
      const inUse = all.find(({ type, removable }) => type === 'vfat' && !removable);
      if (inUse !== undefined) return notApplicable(`${inUse.mountPoint} is FAT`);
      if (loaded) return fail('it is loaded');
      if (builtIn) return fail('it is built into the kernel');
      return installed && barred === undefined ? fail('it is installed and not barred') : pass;
    },
  }),
];
