/**
 * Numbers of the system calls that rules can name, per ABI. Sources: `arch/x86/entry/syscalls/syscall_{64,32}.tbl`,
 * `uapi/asm-generic/unistd.h` (arm64), `arch/arm/tools/syscall.tbl`.
 */
const numbers = {
  x86_64: { execve: 59, execveat: 322, connect: 42, accept: 43, accept4: 288 },
  // Sockets of i386 came through one call until kernel 4.3, and its `accept` still does (`net/socket.c`).
  i386: { execve: 11, execveat: 358, connect: 362, accept4: 364, socketcall: 102 },
  aarch64: { execve: 221, execveat: 281, connect: 203, accept: 202, accept4: 242 },
  arm: { execve: 11, execveat: 387, connect: 283, accept: 285, accept4: 366 },
} as const satisfies Record<string, Partial<Record<SyscallName, number>>>;

export type Abi = keyof typeof numbers;
export type SyscallName = 'execve' | 'execveat' | 'connect' | 'accept' | 'accept4' | 'socketcall';

/** AUDIT_ARCH_*: the ELF machine, 0x80000000 for 64 bits, 0x40000000 for little endian (`uapi/linux/audit.h`). */
export const auditArch: Readonly<Record<Abi, number>> = {
  x86_64: 0xc000003e,
  i386: 0x40000003,
  aarch64: 0xc00000b7,
  arm: 0x40000028,
};

/**
 * The ABIs that programs of this machine can use, the native one first; undefined for a machine without a table.
 * `machine` is `uname -m`, not the architecture of this process: a 32-bit agent may run under a 64-bit kernel.
 */
export function abisOf(machine: string): readonly Abi[] | undefined {
  if (machine === 'x86_64') return ['x86_64', 'i386'];
  if (machine === 'aarch64') return ['aarch64', 'arm'];
  if (/^armv\d/.test(machine)) return ['arm'];
  return /^i[3-6]86$/.test(machine) ? ['i386'] : undefined;
}

/** Undefined where the ABI has no such call. */
export function syscallNumber(abi: Abi, name: SyscallName): number | undefined {
  const known: Partial<Record<SyscallName, number>> = numbers[abi];
  return known[name];
}

/** The name of a call by its number, undefined when it is none that rules can name. */
export function syscallName(abi: Abi, number: number): SyscallName | undefined {
  const names = Object.keys(numbers[abi]) as SyscallName[];
  return names.find((name) => syscallNumber(abi, name) === number);
}

/** The ABI of a SYSCALL record's `arch=` (hexadecimal), undefined when it is none of ours. */
export function abiOfArch(arch: string | undefined): Abi | undefined {
  if (arch === undefined) return undefined;
  const value = Number.parseInt(arch, 16);
  return (Object.keys(auditArch) as Abi[]).find((abi) => auditArch[abi] === value);
}
