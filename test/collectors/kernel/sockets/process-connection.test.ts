import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  connectionOf,
  listeningPortsOf,
} from '../../../../collectors/kernel/sockets/process-connection.js';
import { pathsUnder } from '../../../../collectors/kernel/paths.js';

const heading = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid';
const row = (local: string, remote: string, inode: number) =>
  `   0: ${local} ${remote} 01 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0`;

const mapped = `${'0'.repeat(16)}FFFF0000`;

let procRoot: string;
beforeAll(() => {
  procRoot = mkdtempSync(join(tmpdir(), 'proc-'));
  mkdirSync(join(procRoot, '7/net'), { recursive: true });
  mkdirSync(join(procRoot, '7/fd'));
  symlinkSync('socket:[111]', join(procRoot, '7/fd/3'));
  symlinkSync('socket:[222]', join(procRoot, '7/fd/4'));
  symlinkSync('socket:[333]', join(procRoot, '7/fd/5'));
  symlinkSync('socket:[444]', join(procRoot, '7/fd/6'));
  symlinkSync('/dev/null', join(procRoot, '7/fd/0'));
  const tcp = [
    heading,
    row('0100007F:0016', '0200007F:C001', 111),
    row('0100007F:0016', '0200007F:C002', 999),
    row('0100007F:01BB', '00000000:0000', 444).replace(' 01 ', ' 0A '),
    row('0100007F:0050', '00000000:0000', 998).replace(' 01 ', ' 0A '),
  ];
  const tcp6 = [
    heading,
    row(`${'0'.repeat(24)}01000000:0016`, `${'0'.repeat(24)}01000000:D001`, 222),
    row(`${mapped}0100007F:0016`, `${mapped}0300007F:E001`, 333),
    'not a row',
  ];
  writeFileSync(join(procRoot, '7/net/tcp'), tcp.join('\n'));
  writeFileSync(join(procRoot, '7/net/tcp6'), tcp6.join('\n'));
});
afterAll(() => rmSync(procRoot, { recursive: true }));

describe('the connection of a process', () => {
  const of = (pid: number, address: string) =>
    connectionOf({ ...pathsUnder('/nonexistent'), procRoot }, 'LE', pid, address);

  it('is found by the sockets that the process holds, among others from the same address', () => {
    expect(of(7, '127.0.0.2')).toMatchObject({ remote: { port: 0xc001 }, local: { port: 22 } });
    expect(of(7, '::1')).toMatchObject({ remote: { port: 0xd001 }, local: { port: 22 } });
  });

  it('is not known of a process that is gone, or that has none with that address', () => {
    expect(of(8, '127.0.0.2')).toBeUndefined();
    expect(of(7, '192.0.2.1')).toBeUndefined();
  });

  it('is found by the IPv4 address that an IPv4-mapped one stands for', () => {
    expect(of(7, '127.0.0.3')).toMatchObject({ remote: { address: '127.0.0.3', port: 0xe001 } });
  });
});

it('the ports that a process listens on are its own, and none of its connections', () => {
  const paths = { ...pathsUnder('/nonexistent'), procRoot };
  expect([...listeningPortsOf(paths, 'LE', 7)]).toEqual([443]);
  expect(listeningPortsOf(paths, 'LE', 8).size).toBe(0);
});
