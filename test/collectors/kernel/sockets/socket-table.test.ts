import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  connectionOf,
  listeningPortsOf,
} from '../../../../collectors/kernel/sockets/process-connection.js';
import { readListeningSockets } from '../../../../collectors/kernel/sockets/listening-sockets.js';
import { connectionKey } from '../../../../collectors/kernel/sockets/endpoint.js';
import { readSocketTable } from '../../../../collectors/kernel/sockets/socket-table.js';
import { casePaths } from '../../../support/case-host.js';
import { at, procOf, socketLine } from '../../../support/socket-proc.js';

const listening = socketLine('00000000:1F90', '00000000:0000', '0A', 7);
const accepted = socketLine('0100000A:1F90', '010200C0:C350', '01', 8);

describe('a kernel without IPv6, which has no tables of it,', () => {
  it('lists the sockets of IPv4', () => {
    const { tables, sockets, malformed } = readSocketTable(
      casePaths('buildroot-kernel-4.9-arm'),
      'LE',
    );
    expect({ tables, malformed }).toEqual({ tables: 2, malformed: 0 });
    expect(sockets.map(({ local }) => local.family)).not.toContain(6);
    expect(sockets.length).toBeGreaterThan(0);
  });

  it('tells who listens, and which connections are there', () => {
    const { paths } = procOf([listening, accepted]);
    const key = connectionKey({ local: at('10.0.0.1', 8080), remote: at('192.0.2.1', 50_000) });
    const { inodes, present } = readListeningSockets(paths, 'LE', new Set([key]));
    expect([...inodes.values()]).toEqual([[7]]);
    expect([...present]).toEqual([[key, 8]]);
  });

  it('tells the connection and the ports of one process', () => {
    const { paths } = procOf([], { 50: { 3: 7, 4: 8 } });
    mkdirSync(`${paths.procRoot}/50/net`);
    writeFileSync(`${paths.procRoot}/50/net/tcp`, `${listening}\n${accepted}\n`);
    expect(connectionOf(paths, 'LE', 50, '192.0.2.1')).toMatchObject({
      local: at('10.0.0.1', 8080),
      remote: at('192.0.2.1', 50_000),
    });
    expect([...listeningPortsOf(paths, 'LE', 50)]).toEqual([8080]);
  });
});

it('a /proc without any table of sockets has none, which is not the same as no sockets', () => {
  const { paths } = procOf([]);
  expect(readSocketTable(paths, 'LE')).toEqual({ tables: 1, sockets: [], malformed: 0 });
  rmSync(`${paths.procRoot}/net`, { recursive: true });
  expect(readSocketTable(paths, 'LE')).toEqual({ tables: 0, sockets: [], malformed: 0 });
});
