import type { CheckCases } from '../judged.js';

/** Id, parameter, values that are well, values that are not. */
const rows: readonly (readonly [string, string, readonly string[], readonly string[]])[] = [
  ['aslr', 'kernel.randomize_va_space', ['2'], ['1', '0', '']],
  ['kernel-pointers-hidden', 'kernel.kptr_restrict', ['1', '2'], ['0']],
  ['kernel-log-restricted', 'kernel.dmesg_restrict', ['1'], ['0']],
  ['ptrace-restricted', 'kernel.yama.ptrace_scope', ['1', '2', '3'], ['0']],
  ['unprivileged-bpf', 'kernel.unprivileged_bpf_disabled', ['1', '2'], ['0']],
  ['bpf-jit-hardened', 'net.core.bpf_jit_harden', ['1', '2'], ['0']],
  ['kexec-disabled', 'kernel.kexec_load_disabled', ['1'], ['0']],
  ['magic-keys', 'kernel.sysrq', ['0', '16', '176', '438'], ['1', '8', '64', '511', 'on']],
  ['core-dumps-set-uid', 'fs.suid_dumpable', ['0'], ['1', '2']],
  ['protected-symlinks', 'fs.protected_symlinks', ['1'], ['0']],
  ['protected-hardlinks', 'fs.protected_hardlinks', ['1'], ['0']],
  ['protected-fifos', 'fs.protected_fifos', ['1', '2'], ['0']],
  ['protected-regular', 'fs.protected_regular', ['1', '2'], ['0']],
  ['terminal-line-disciplines', 'dev.tty.ldisc_autoload', ['0'], ['1']],
  ['userfaultfd', 'vm.unprivileged_userfaultfd', ['0'], ['1']],
  ['low-memory-protected', 'vm.mmap_min_addr', ['65536', '32768', '4096'], ['0']],
  ['perf-restricted', 'kernel.perf_event_paranoid', ['2', '3', '4'], ['1', '0', '-1']],
  ['ip-forward', 'net.ipv4.ip_forward', ['0'], ['1']],
  ['ip-forward-v6', 'net.ipv6.conf.all.forwarding', ['0'], ['1']],
  ['send-redirects-all', 'net.ipv4.conf.all.send_redirects', ['0'], ['1']],
  ['send-redirects-default', 'net.ipv4.conf.default.send_redirects', ['0'], ['1']],
  ['source-route-all', 'net.ipv4.conf.all.accept_source_route', ['0'], ['1']],
  ['source-route-default', 'net.ipv4.conf.default.accept_source_route', ['0'], ['1']],
  ['source-route-v6', 'net.ipv6.conf.all.accept_source_route', ['0', '-1'], ['1']],
  ['redirects-all', 'net.ipv4.conf.all.accept_redirects', ['0'], ['1']],
  ['redirects-default', 'net.ipv4.conf.default.accept_redirects', ['0'], ['1']],
  ['redirects-v6', 'net.ipv6.conf.all.accept_redirects', ['0'], ['1']],
  ['secure-redirects', 'net.ipv4.conf.all.secure_redirects', ['0'], ['1']],
  ['martians-logged', 'net.ipv4.conf.all.log_martians', ['1'], ['0']],
  ['broadcast-echo', 'net.ipv4.icmp_echo_ignore_broadcasts', ['1'], ['0']],
  ['bogus-icmp', 'net.ipv4.icmp_ignore_bogus_error_responses', ['1'], ['0']],
  ['reverse-path-all', 'net.ipv4.conf.all.rp_filter', ['1', '2'], ['0']],
  ['reverse-path-default', 'net.ipv4.conf.default.rp_filter', ['1', '2'], ['0']],
  ['syn-cookies', 'net.ipv4.tcp_syncookies', ['1', '2'], ['0']],
  ['router-advertisements', 'net.ipv6.conf.all.accept_ra', ['0'], ['1', '2']],
];

export const parameterCases: Readonly<Record<string, CheckCases>> = Object.fromEntries(
  rows.map(([id, parameter, well, not]) => [
    `parameter-${id}`,
    {
      pass: well.map((value) => [value]),
      fail: not.map((value) => [[value], `${parameter} = ${value}`] as const),
    } satisfies CheckCases,
  ]),
);
