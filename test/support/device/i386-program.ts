import { chmodSync, writeFileSync } from 'node:fs';

const baseAddress = 0x0804_8000;
const elfHeaderBytes = 52;
const programHeaderBytes = 32;

/** Writes the smallest static program for i386, which only ends: `exit(0)` by `int 0x80` (System V ABI, i386). */
export function writeI386Program(path: string): void {
  const code = Buffer.from([
    0x31,
    0xdb, // xor ebx, ebx
    0x31,
    0xc0, // xor eax, eax
    0x40, // inc eax
    0xcd,
    0x80, // int 0x80
  ]);
  const headerBytes = elfHeaderBytes + programHeaderBytes;
  const file = Buffer.alloc(headerBytes + code.length);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]).copy(file);
  const elf = { type: 16, machine: 18, version: 20, entry: 24, programHeaders: 28, size: 40 };
  file.writeUInt16LE(2, elf.type);
  file.writeUInt16LE(3, elf.machine);
  file.writeUInt32LE(1, elf.version);
  file.writeUInt32LE(baseAddress + headerBytes, elf.entry);
  file.writeUInt32LE(elfHeaderBytes, elf.programHeaders);
  file.writeUInt16LE(elfHeaderBytes, elf.size);
  file.writeUInt16LE(programHeaderBytes, elf.size + 2);
  file.writeUInt16LE(1, elf.size + 4);
  const load = [1, 0, baseAddress, baseAddress, file.length, file.length, 5, 0x1000];
  load.forEach((word, index) => file.writeUInt32LE(word, elfHeaderBytes + index * 4));
  code.copy(file, headerBytes);
  writeFileSync(path, file);
  chmodSync(path, 0o755);
}
