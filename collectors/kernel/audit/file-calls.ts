import type { Abi } from './syscalls.js';

/**
 * The calls that can change a file or a directory, or open one for writing, by ABI; of those on which the agent sets rules.
 * A file that is written through a descriptor was opened for writing, so that write(2) is not among them. Sources as in
 * `syscalls.ts`.
 */
const common = { openat2: 437, fchmodat2: 452 };
const of32Bits = {
  ...{ open: 5, creat: 8, link: 9, unlink: 10, mknod: 14, chmod: 15, lchown: 16, rename: 38 },
  ...{ mkdir: 39, rmdir: 40, symlink: 83, truncate: 92, fchmod: 94, fchown: 95, chown: 182 },
  ...{ truncate64: 193, lchown32: 198, fchown32: 207, chown32: 212 },
};

const numbers = {
  x86_64: {
    ...{ open: 2, truncate: 76, rename: 82, mkdir: 83, rmdir: 84, creat: 85, link: 86, unlink: 87 },
    ...{ symlink: 88, chmod: 90, fchmod: 91, chown: 92, fchown: 93, lchown: 94, mknod: 133 },
    ...{ openat: 257, mkdirat: 258, mknodat: 259, fchownat: 260, unlinkat: 263, renameat: 264 },
    ...{ linkat: 265, symlinkat: 266, fchmodat: 268, renameat2: 316 },
    ...common,
  },
  i386: {
    ...of32Bits,
    ...{ openat: 295, mkdirat: 296, mknodat: 297, fchownat: 298, unlinkat: 301, renameat: 302 },
    ...{ linkat: 303, symlinkat: 304, fchmodat: 306, renameat2: 353 },
    ...common,
  },
  arm: {
    ...of32Bits,
    ...{ openat: 322, mkdirat: 323, mknodat: 324, fchownat: 325, unlinkat: 328, renameat: 329 },
    ...{ linkat: 330, symlinkat: 331, fchmodat: 333, renameat2: 382 },
    ...common,
  },
  aarch64: {
    ...{ mknodat: 33, mkdirat: 34, unlinkat: 35, symlinkat: 36, linkat: 37, renameat: 38 },
    ...{ truncate: 45, fchmod: 52, fchmodat: 53, fchownat: 54, fchown: 55, openat: 56 },
    ...{ renameat2: 276 },
    ...common,
  },
} as const;

type RuledAbi = keyof typeof numbers;
export type FileCall = { [A in RuledAbi]: keyof (typeof numbers)[A] }[RuledAbi];

const byAbi: ReadonlyMap<Abi, ReadonlyMap<string, number>> = new Map(
  Object.entries(numbers).map(([abi, calls]) => [abi as Abi, new Map(Object.entries(calls))]),
);
const changing: ReadonlyMap<Abi, ReadonlySet<number>> = new Map(
  [...byAbi].map(([abi, calls]) => [abi, new Set(calls.values())]),
);

/** Undefined where the ABI has no such call. */
export function fileCallNumber(abi: Abi, name: string): number | undefined {
  return byAbi.get(abi)?.get(name);
}

/** All of them of an ABI. */
export function fileCallNumbers(abi: Abi): readonly number[] {
  return [...(changing.get(abi) ?? [])];
}

/** Whether the call with this number can change a file. */
export function isFileCall(abi: Abi, number: number): boolean {
  return changing.get(abi)?.has(number) ?? false;
}
