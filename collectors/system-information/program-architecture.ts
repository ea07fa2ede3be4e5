import { open } from 'node:fs/promises';
import { known, type SystemFiles, type Told } from './system-files.js';

/** `e_machine` of elf(5), by the names that uname(1) has for them; 32 and 64 bits where both exist. */
const machines: Readonly<Record<number, readonly [bits32: string, bits64: string]>> = {
  3: ['i386', 'i386'],
  8: ['mips', 'mips64'],
  20: ['ppc', 'ppc'],
  21: ['ppc64', 'ppc64'],
  22: ['s390', 's390x'],
  40: ['arm', 'arm'],
  62: ['x32', 'x86_64'],
  183: ['aarch64_ilp32', 'aarch64'],
  243: ['riscv32', 'riscv64'],
  258: ['loongarch32', 'loongarch64'],
};

const armMachine = 40;
const armHardFloat = 0x400;

/** What a program is built for, by the head of its file; undefined for what is no program, or one for another machine. */
export function architectureOf(head: Buffer): string | undefined {
  if (head.length < 52 || head.readUInt32BE(0) !== 0x7f454c46) return undefined;
  const [is64, isLittle] = [head[4] === 2, head[5] === 1];
  const number = isLittle ? head.readUInt16LE(18) : head.readUInt16BE(18);
  const names = Object.hasOwn(machines, number) ? machines[number] : undefined;
  if (names === undefined) return undefined;
  if (number === armMachine) {
    const flags = isLittle ? head.readUInt32LE(36) : head.readUInt32BE(36);
    return flags & armHardFloat ? 'armhf' : 'arm';
  }
  const name = is64 ? names[1] : names[0];
  // The others have one byte order only.
  const littleByName = ['mips', 'mips64', 'ppc64'].includes(name);
  return littleByName && isLittle ? `${name}${name === 'ppc64' ? 'le' : 'el'}` : name;
}

/** What the system is built for, which may be less than its kernel can: 32-bit programs on a 64-bit kernel. */
export async function programArchitecture(files: SystemFiles): Promise<Told> {
  const head = Buffer.alloc(64);
  try {
    const file = await open(`${files.paths.root}/bin/sh`, 'r');
    try {
      await file.read(head, 0, head.length, 0);
    } finally {
      await file.close();
    }
  } catch {
    return {};
  }
  return { fields: known({ OsArchitecture: architectureOf(head) }) };
}
