/** Class, byte order, `e_machine` and flags of elf(5), as programs for these machines have them. */
const kinds: Readonly<Record<string, readonly [bits: 32 | 64, little: boolean, number, number]>> = {
  x86_64: [64, true, 62, 0],
  x32: [32, true, 62, 0],
  i386: [32, true, 3, 0],
  aarch64: [64, true, 183, 0],
  armhf: [32, true, 40, 0x0500_0400],
  arm: [32, true, 40, 0x0500_0200],
  riscv64: [64, true, 243, 5],
  mipsel: [32, true, 8, 0],
  mips: [32, false, 8, 0],
  ppc64le: [64, true, 21, 2],
  ppc64: [64, false, 21, 1],
  ppc: [32, false, 20, 0],
};

export const elfKinds = Object.keys(kinds);

/** The first 64 bytes of a program for this machine. */
export function elfHead(kind: string): Buffer {
  const [bits, little, machine, flags] = kinds[kind] ?? [64, true, 0, 0];
  const head = Buffer.alloc(64);
  head.write('\x7fELF', 'latin1');
  head[4] = bits === 64 ? 2 : 1;
  head[5] = little ? 1 : 2;
  const flagsAt = bits === 64 ? 48 : 36;
  if (little) head.writeUInt16LE(machine, 18);
  else head.writeUInt16BE(machine, 18);
  if (little) head.writeUInt32LE(flags, flagsAt);
  else head.writeUInt32BE(flags, flagsAt);
  return head;
}
