/**
 * Numbers of the system calls that rules can name, per ABI. Sources: `arch/x86/entry/syscalls/syscall_{64,32}.tbl`,
 * `arch/arm/tools/syscall.tbl`, `arch/{powerpc,s390}/kernel/syscalls/syscall.tbl`,
 * `arch/mips/kernel/syscalls/syscall_{o32,n32,n64}.tbl`, and for arm64, riscv and loongarch `uapi/asm-generic/unistd.h`;
 * compared with the `asm/unistd.h` that Debian 12 ships for each.
 */
const generic = { execve: 221, execveat: 281, connect: 203, accept: 202, accept4: 242 };
// Sockets of i386 and s390 came through one call until kernel 4.3, and their `accept` still does (`net/socket.c`).
const i386 = { execve: 11, execveat: 358, connect: 362, accept4: 364, socketcall: 102 };
const s390 = { ...i386, execveat: 354 };
const arm = { execve: 11, execveat: 387, connect: 283, accept: 285, accept4: 366 };
const powerpc = {
  ...{ execve: 11, execveat: 362, connect: 328, accept: 330, accept4: 344, socketcall: 102 },
};
const mipsO32 = {
  ...{ execve: 4011, execveat: 4356, connect: 4170, accept: 4168, accept4: 4334, socketcall: 4102 },
};
const mipsN64 = { execve: 5057, execveat: 5316, connect: 5041, accept: 5042, accept4: 5293 };
const mipsN32 = { execve: 6057, execveat: 6320, connect: 6041, accept: 6042, accept4: 6297 };

/** Set in the number of every call of an x32 program, whose AUDIT_ARCH is that of x86_64 (`__X32_SYSCALL_BIT`). */
const x32Bit = 0x4000_0000;

/** `EINPROGRESS` where an ABI does not say otherwise (`uapi/asm-generic/errno.h`). */
const genericInProgress = 115;
const mipsInProgress = 150;

interface AbiDeclaration {
  /** AUDIT_ARCH_*: the ELF machine, 0x80000000 for 64 bits, 0x40000000 for little endian (`uapi/linux/audit.h`). */
  readonly arch: number;
  readonly numbers: Partial<Record<SyscallName, number>>;
  /** The errno EINPROGRESS. */
  readonly inProgress?: number;
}

const declarations = {
  x86_64: {
    arch: 0xc000003e,
    numbers: { execve: 59, execveat: 322, connect: 42, accept: 43, accept4: 288 },
  },
  x32: {
    arch: 0xc000003e,
    numbers: {
      execve: x32Bit + 520,
      execveat: x32Bit + 545,
      connect: x32Bit + 42,
      accept: x32Bit + 43,
      accept4: x32Bit + 288,
    },
  },
  i386: { arch: 0x40000003, numbers: i386 },
  aarch64: { arch: 0xc00000b7, numbers: generic },
  arm: { arch: 0x40000028, numbers: arm },
  armeb: { arch: 0x00000028, numbers: arm },
  riscv64: { arch: 0xc00000f3, numbers: generic },
  riscv32: { arch: 0x400000f3, numbers: generic },
  loongarch64: { arch: 0xc0000102, numbers: generic },
  ppc64le: { arch: 0xc0000015, numbers: powerpc },
  ppc64: { arch: 0x80000015, numbers: powerpc },
  ppc: { arch: 0x00000014, numbers: powerpc },
  s390x: { arch: 0x80000016, numbers: s390 },
  s390: { arch: 0x00000016, numbers: s390 },
  mips: { arch: 0x00000008, numbers: mipsO32, inProgress: mipsInProgress },
  mipsel: { arch: 0x40000008, numbers: mipsO32, inProgress: mipsInProgress },
  mips64: { arch: 0x80000008, numbers: mipsN64, inProgress: mipsInProgress },
  mipsel64: { arch: 0xc0000008, numbers: mipsN64, inProgress: mipsInProgress },
  mips64n32: { arch: 0xa0000008, numbers: mipsN32, inProgress: mipsInProgress },
  mipsel64n32: { arch: 0xe0000008, numbers: mipsN32, inProgress: mipsInProgress },
} as const satisfies Record<string, AbiDeclaration>;

export type Abi = keyof typeof declarations;
export type SyscallName = 'execve' | 'execveat' | 'connect' | 'accept' | 'accept4' | 'socketcall';

const abiNames = Object.keys(declarations) as Abi[];

const namesByNumber: ReadonlyMap<Abi, ReadonlyMap<number, SyscallName>> = new Map(
  abiNames.map((abi) => {
    const numbers: Partial<Record<SyscallName, number>> = declarations[abi].numbers;
    const entries = Object.entries(numbers) as [SyscallName, number][];
    return [abi, new Map(entries.map(([name, number]) => [number, name]))];
  }),
);

/** x32 is told from x86_64 by the number of the call alone. */
const abiByArch: ReadonlyMap<number, Abi> = new Map(
  abiNames.filter((abi) => abi !== 'x32').map((abi) => [declarations[abi].arch, abi]),
);

export function auditArch(abi: Abi): number {
  return declarations[abi].arch;
}

/**
 * The ABIs that programs of this machine can use, the native one first; undefined for a machine on which the agent sets
 * no rules. `machine` is `uname -m`, not the architecture of this process: a 32-bit agent may run under a 64-bit kernel.
 * x32 is left out: the mask of a rule has no room for its numbers (`audit_in_mask`, `kernel/auditsc.c`).
 */
export function abisOf(machine: string): readonly Abi[] | undefined {
  if (machine === 'x86_64') return ['x86_64', 'i386'];
  if (machine === 'aarch64') return ['aarch64', 'arm'];
  if (/^armv\d/.test(machine)) return ['arm'];
  return /^i[3-6]86$/.test(machine) ? ['i386'] : undefined;
}

/**
 * Whether the kernel takes calls of x32 programs, by its command line (proc_cmdline(5)): the kernels of Debian refuse
 * them unless told otherwise with `syscall.x32=y`, those of most others are built without (`CONFIG_X86_X32_ABI`).
 */
export function takesX32(commandLine: string): boolean {
  const values = [...commandLine.matchAll(/(?:^|\s)syscall\.x32=(\S*)/gu)].map(
    ([, value]) => value,
  );
  return /^(?:[yt1]|on)/iu.test(values.at(-1) ?? '');
}

/** Undefined where the ABI has no such call. */
export function syscallNumber(abi: Abi, name: SyscallName): number | undefined {
  const numbers: Partial<Record<SyscallName, number>> = declarations[abi].numbers;
  return numbers[name];
}

/** The name of a call by its number, undefined when it is none that rules can name. */
export function syscallName(abi: Abi, number: number): SyscallName | undefined {
  return namesByNumber.get(abi)?.get(number);
}

/**
 * The ABI of a call by the `arch=` (hexadecimal) and the `syscall=` number of its record; undefined when it is none of
 * those above.
 */
export function abiOf(arch: string | undefined, number: number | undefined): Abi | undefined {
  if (arch === undefined || !/^[0-9a-f]{1,8}$/u.test(arch)) return undefined;
  const abi = abiByArch.get(Number.parseInt(arch, 16));
  const isX32 = abi === 'x86_64' && number !== undefined && (number & x32Bit) !== 0;
  return isX32 ? 'x32' : abi;
}

/** What a connect that goes on in the background returns: the negative errno of its ABI. */
export function inProgressExit(abi: Abi | undefined): number {
  const declaration: AbiDeclaration | undefined = abi && declarations[abi];
  return -(declaration?.inProgress ?? genericInProgress);
}
