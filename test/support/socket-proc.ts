import { mkdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import type { Endpoint } from '../../collectors/kernel/sockets/endpoint.js';
import { pathsUnder } from '../../collectors/kernel/paths.js';
import { temporaryDirectory } from './temporary-directory.js';

/** The descriptors of processes that are sockets, and their inodes. */
type Holders = Readonly<Record<number, Readonly<Record<number, number>>>>;

/** A /proc of sockets: lines of net/tcp, and who holds which. Removed after the test. */
export function procOf(sockets: readonly string[], holders: Holders = {}) {
  const procRoot = temporaryDirectory('proc');
  const tell = (lines: readonly string[]) =>
    writeFileSync(`${procRoot}/net/tcp`, ['  sl  local_address', ...lines, ''].join('\n'));
  const hold = (pid: number, descriptor: number, inode: number) =>
    symlinkSync(`socket:[${inode}]`, `${procRoot}/${pid}/fd/${descriptor}`);
  mkdirSync(`${procRoot}/net`);
  tell(sockets);
  for (const [pid, descriptors] of Object.entries(holders)) {
    mkdirSync(`${procRoot}/${pid}/fd`, { recursive: true });
    writeFileSync(`${procRoot}/${pid}/status`, `Name:\tx\nTgid:\t${pid}\n`);
    for (const [descriptor, inode] of Object.entries(descriptors))
      hold(Number(pid), Number(descriptor), inode);
  }
  return {
    paths: { ...pathsUnder('/nonexistent'), procRoot },
    tell,
    hold,
    drop: (pid: number, descriptor: number) => unlinkSync(`${procRoot}/${pid}/fd/${descriptor}`),
    /** @param process a pid or `self` */
    setNamespace: (process: string, name: string) => {
      mkdirSync(`${procRoot}/${process}/ns`, { recursive: true });
      symlinkSync(name, `${procRoot}/${process}/ns/net`);
    },
  };
}

/** A line of /proc/net/tcp on a little-endian host; ends as it writes them, `0100000A:1F90` for 10.0.0.1:8080. */
export const socketLine = (local: string, remote: string, state: string, inode: number) =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 0`;

/** As `socketLine`. */
export const endText = ({ address, port }: Endpoint) =>
  `${[...address.split('.')].reverse().map(hexByte).join('')}:${hexByte(port >> 8)}${hexByte(port & 255)}`;

function hexByte(value: number | string): string {
  return Number(value).toString(16).padStart(2, '0').toUpperCase();
}

export const at = (address: string, port: number): Endpoint => ({ address, port, family: 4 });
