import type { Abi } from './syscalls.js';

/** The calls that send a signal to a process, by ABI; sources as in `syscalls.ts`. */
const numbers = {
  x86_64: { kill: 62, tkill: 200, tgkill: 234, pidfd_send_signal: 424 },
  i386: { kill: 37, tkill: 238, tgkill: 270, pidfd_send_signal: 424 },
  arm: { kill: 37, tkill: 238, tgkill: 268, pidfd_send_signal: 424 },
  aarch64: { kill: 129, tkill: 130, tgkill: 131, pidfd_send_signal: 424 },
} as const;

export type SignalCall = keyof (typeof numbers)['x86_64'];

const byAbi: Partial<Record<Abi, Readonly<Record<string, number>>>> = numbers;

/** Undefined where the ABI has no such call. */
export function signalCallNumber(abi: Abi, name: string): number | undefined {
  return byAbi[abi]?.[name];
}

/** The name of a call by its number; undefined for all that send no signal. */
export function signalCallOf(abi: Abi, number: number): SignalCall | undefined {
  const [name] = Object.entries(byAbi[abi] ?? {}).find(([, value]) => value === number) ?? [];
  return name as SignalCall | undefined;
}
