import { check, type Check, fail, pass, type Severity } from './check.js';

export interface ParameterRow {
  readonly id: string;
  readonly parameter: string;
  /** Values that are well, as the kernel writes them. */
  readonly values: readonly string[];
  readonly title: string;
  readonly severity: Severity;
  readonly subject?: 'kernel' | 'network' | 'debug';
  readonly section?: string;
  readonly cceId?: string;
  readonly ruleId?: string;
}

/** The names of `sysctl`, the values in force. */
const rows: readonly ParameterRow[] = [
  {
    id: 'aslr',
    parameter: 'kernel.randomize_va_space',
    values: ['2'],
    title: 'Programs are placed at random addresses',
    severity: 'Critical',
    section: '1.5.3',
    cceId: 'CCE-4146-7',
    ruleId: 'd790e942-efd3-42e6-a3a5-9eb1d651a588',
  },
  {
    id: 'kernel-pointers-hidden',
    parameter: 'kernel.kptr_restrict',
    values: ['1', '2'],
    title: 'Addresses of the kernel are hidden from ordinary users',
    severity: 'Important',
  },
  {
    id: 'kernel-log-restricted',
    parameter: 'kernel.dmesg_restrict',
    values: ['1'],
    title: 'Only root reads the messages of the kernel',
    severity: 'Warning',
  },
  {
    id: 'ptrace-restricted',
    parameter: 'kernel.yama.ptrace_scope',
    values: ['1', '2', '3'],
    title: 'A program cannot look into others of its user',
    severity: 'Warning',
  },
  {
    id: 'unprivileged-bpf',
    parameter: 'kernel.unprivileged_bpf_disabled',
    values: ['1', '2'],
    title: 'Ordinary users load no BPF programs',
    severity: 'Important',
  },
  {
    id: 'kexec-disabled',
    parameter: 'kernel.kexec_load_disabled',
    values: ['1'],
    title: 'No other kernel can be started from the running one',
    severity: 'Warning',
  },
  {
    id: 'core-dumps-set-uid',
    parameter: 'fs.suid_dumpable',
    values: ['0'],
    title: 'Programs with raised rights leave no memory dumps',
    severity: 'Important',
    section: '1.5.1',
    ruleId: '429123d4-7e7d-2737-6542-2e86b82c16a1',
  },
  {
    id: 'protected-symlinks',
    parameter: 'fs.protected_symlinks',
    values: ['1'],
    title: 'Symbolic links of others in shared directories are not followed',
    severity: 'Important',
  },
  {
    id: 'protected-hardlinks',
    parameter: 'fs.protected_hardlinks',
    values: ['1'],
    title: "Hard links can only be made to files of one's own",
    severity: 'Important',
  },
  {
    id: 'protected-fifos',
    parameter: 'fs.protected_fifos',
    values: ['1', '2'],
    title: 'Named pipes of others in shared directories are not written to',
    severity: 'Warning',
  },
  {
    id: 'protected-regular',
    parameter: 'fs.protected_regular',
    values: ['1', '2'],
    title: 'Files of others in shared directories are not written to',
    severity: 'Warning',
  },
  {
    id: 'terminal-line-disciplines',
    parameter: 'dev.tty.ldisc_autoload',
    values: ['0'],
    title: 'Ordinary users load no line disciplines',
    severity: 'Warning',
  },
  {
    id: 'userfaultfd',
    parameter: 'vm.unprivileged_userfaultfd',
    values: ['0'],
    title: 'Ordinary users do not handle page faults of the kernel',
    severity: 'Warning',
  },
  {
    id: 'low-memory-protected',
    parameter: 'vm.mmap_min_addr',
    values: ['65536', '32768', '4096'],
    title: 'Nothing can be mapped at the address zero',
    severity: 'Important',
  },
  {
    id: 'perf-restricted',
    parameter: 'kernel.perf_event_paranoid',
    values: ['2', '3', '4'],
    title: 'Ordinary users do not measure the kernel',
    severity: 'Warning',
  },
  {
    id: 'user-namespaces',
    parameter: 'kernel.unprivileged_userns_clone',
    values: ['0'],
    title: 'Ordinary users make no user namespaces',
    severity: 'Informational',
  },
  {
    id: 'io-uring-restricted',
    parameter: 'kernel.io_uring_disabled',
    values: ['1', '2'],
    title: 'Not everybody uses io_uring, past the system calls that are watched',
    severity: 'Warning',
  },
];

const subjectOf = ({ parameter, subject }: ParameterRow): 'kernel' | 'network' | 'debug' =>
  subject ?? (parameter.startsWith('net.') ? 'network' : 'kernel');

export const inForce = (row: ParameterRow): Check => {
  const { id, parameter, values, title, severity, section, cceId, ruleId } = row;
  const [best = ''] = values;
  return check({
    id: `parameter-${id}`,
    subject: subjectOf(row),
    title,
    severity,
    expected: `${parameter} = ${values.join(' or ')}`,
    remedy: `Write "${parameter} = ${best}" to a file in /etc/sysctl.d, and set it now with sysctl -w ${parameter}=${best}.`,
    ...(section !== undefined && { section }),
    ...(cceId !== undefined && { cceId }),
    ...(ruleId !== undefined && { ruleId }),
    needs: [`parameter:${parameter}`],
    judge: (value) => (values.includes(value) ? pass : fail(`${parameter} = ${value}`)),
  });
};

/** Bits of the mask, admin-guide/sysrq: memory of processes to the log, and signals to them; 1 stands for all. */
const harmfulKeys = 8 | 64;

export const kernelParameterChecks: readonly Check[] = [
  ...rows.map(inForce),
  check({
    id: 'parameter-panic',
    subject: 'kernel',
    title: 'A device whose kernel fails starts anew by itself',
    severity: 'Informational',
    expected: 'kernel.panic is not 0',
    remedy:
      'Write "kernel.panic = 10" to a file in /etc/sysctl.d, and set it now with sysctl -w kernel.panic=10.',
    needs: ['parameter:kernel.panic'],
    judge: (value) => (value === '0' ? fail('kernel.panic = 0') : pass),
  }),
  check({
    id: 'parameter-magic-keys',
    subject: 'debug',
    title: 'The magic keys of a console neither show memory nor end programs',
    severity: 'Warning',
    expected: 'kernel.sysrq = 0, or a mask without 8 and 64',
    remedy:
      'Write "kernel.sysrq = 0" to a file in /etc/sysctl.d, and set it now with sysctl -w kernel.sysrq=0.',
    needs: ['parameter:kernel.sysrq'],
    judge(value) {
      const mask = Number(value);
      const isHarmless = Number.isInteger(mask) && mask !== 1 && (mask & harmfulKeys) === 0;
      return isHarmless ? pass : fail(`kernel.sysrq = ${value}`);
    },
  }),
];
