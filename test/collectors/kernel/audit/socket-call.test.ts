import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRecord } from '../../../../collectors/kernel/audit/record.js';
import { encodeRules } from '../../../../collectors/kernel/audit/rules.js';
import { parseSockaddr } from '../../../../collectors/kernel/audit/sockaddr.js';
import {
  readSocketCall,
  socketCallRules,
} from '../../../../collectors/kernel/audit/socket-call.js';
import { abisOf } from '../../../../collectors/kernel/audit/syscalls.js';
import { eventsOf } from '../../../support/audit-cases.js';

describe('socket calls from recorded audit events', () => {
  const calls = eventsOf('sockets-kernel-6.18-x64.log').map(readSocketCall);

  it('kernel 6.18: connects and accepts, blocking or not, of IPv4, IPv6 and others', () => {
    const brief = calls.map(
      (call) =>
        call &&
        [
          call.call,
          call.descriptor,
          call.remote ? `${call.remote.address} ${call.remote.port}` : '-',
          call.inProgress ? 'in progress' : '',
          call.hasAddress ? '' : 'no address',
        ]
          .join(' ')
          .trim(),
    );
    expect(brief).toEqual([
      'connect 4 127.0.0.1 37749',
      'accept 5 127.0.0.1 37388',
      'connect 6 ::1 45159 in progress',
      'accept 7 ::1 54800',
      'connect 7 127.0.0.1 45159',
      'accept 8 127.0.0.1 56528',
      'connect 8 127.0.0.1 53',
      'connect 9 127.0.0.1 37749',
      'accept 10 -  no address',
      'connect 12 -',
      'accept 13 -',
      // socketcall(SYS_SOCKET) of a 32-bit program, then its socketcall(SYS_CONNECT).
      undefined,
      'connect 3 127.0.0.1 37749',
      'accept 13 127.0.0.1 37406',
    ]);
  });

  it.each(['debian-12-kernel-6.1-x64.log', 'debian-13-kernel-6.12-x64.log'])(
    '%s: connects in the background, accepts, and one without TCP',
    (file) => {
      const told = eventsOf(file)
        .map(readSocketCall)
        .filter((call) => call !== undefined)
        .map(({ call, inProgress, remote }) => {
          const port = call === 'accept' ? '' : ` ${remote?.port ?? ''}`;
          return `${call} ${remote?.address ?? ''}${port}${inProgress ? ' in progress' : ''}`;
        });
      expect(told).toEqual([
        'connect 127.0.0.1 8301 in progress',
        'accept 127.0.0.1',
        'connect ::1 8301 in progress',
        'accept ::1',
        'connect 127.0.0.1 53',
      ]);
    },
  );

  it('tells who called, with the arguments as far as the kernel keeps them', () => {
    expect(calls[0]).toMatchObject({
      timeMs: 1_795_464_259_883,
      pid: 24_369,
      uid: 0,
      exe: '/usr/bin/python3.11',
      comm: 'python3',
      title: ['python3', '/srv/demo/net work.py'],
    });
    expect(calls.at(-2)).toMatchObject({ exe: '/srv/demo/conn32', title: ['/srv/demo/conn32'] });
  });

  const event = (bodies: readonly (readonly [number, string])[]) => ({
    id: '1.000:1',
    serial: 1,
    timeMs: 1000,
    complete: true,
    records: bodies.flatMap(([type, body]) => parseRecord(type, `audit(1.000:1): ${body}`) ?? []),
  });
  const connect = 'arch=c000003e syscall=42 success=yes exit=0 a0=3 pid=5 uid=0';

  it('an event without PROCTITLE still counts, and one without pid or of another call does not', () => {
    expect(readSocketCall(event([[1300, connect]]))).toMatchObject({
      pid: 5,
      title: [],
    });
    expect(readSocketCall(event([[1300, connect.replace('pid=5', '')]]))).toBeUndefined();
    expect(readSocketCall(event([[1300, connect.replace('=42', '=59')]]))).toBeUndefined();
    expect(readSocketCall(event([[1306, 'saddr=02000035']]))).toBeUndefined();
  });

  it('a call of an x32 program is known by its number without the bit that it has more', () => {
    const x32 = (number: number) => connect.replace('=42', `=${0x4000_0000 + number}`);
    expect(readSocketCall(event([[1300, x32(42)]]))).toMatchObject({ call: 'connect' });
    expect(readSocketCall(event([[1300, x32(288)]]))).toMatchObject({ call: 'accept' });
    expect(readSocketCall(event([[1300, x32(59)]]))).toBeUndefined();
  });

  it('an accept names the socket that listens and the one that is connected', () => {
    const accept = connect.replace('=42', '=288').replace('exit=0', 'exit=9');
    expect(readSocketCall(event([[1300, accept]]))).toMatchObject({
      ...{ descriptor: 9, listeningDescriptor: 3, hasAddress: false },
    });
  });

  it('a call that failed is none', () => {
    const refused = connect.replace('success=yes exit=0', 'success=no exit=-111');
    expect(readSocketCall(event([[1300, refused]]))).toBeUndefined();
  });

  it('nothing that stands in the records makes it throw', () => {
    const body = fc.oneof(
      fc.string(),
      fc.string().map((text) => `${connect} ${text}`),
      fc.string().map((text) => `saddr=${text}`),
      fc.string({ unit: fc.constantFrom('0', '2', '7', 'A', 'F') }).map((hex) => `saddr=${hex}`),
      fc.string().map((text) => `proctitle=${text}`),
    );
    const type = fc.constantFrom(1300, 1304, 1306, 1327);
    fc.assert(
      fc.property(fc.array(fc.tuple(type, body), { maxLength: 5 }), (bodies) => {
        readSocketCall(event(bodies));
      }),
    );
  });
});

describe('addresses in SOCKADDR records', () => {
  it.each([
    ['020000357F0000010000000000000000', 'LE', '127.0.0.1', 53],
    ['000200357F0000010000000000000000', 'BE', '127.0.0.1', 53],
    [
      '0A0001BB00000000' + '20010DB8000000000000000000000001' + '00000000',
      'LE',
      '2001:db8::1',
      443,
    ],
    ['0A0001BB00000000' + '00000000000000000000FFFFC0000201' + '00000000', 'LE', '192.0.2.1', 443],
  ] as const)('%s, %s', (saddr, byteOrder, address, port) => {
    expect(parseSockaddr(saddr, byteOrder)).toMatchObject({ address, port });
  });

  it.each(['', '0100', '01002F746D702F78', '0A0001BB00000000', '0200003', 'ZZ', '(null)'])(
    'no address of the internet: %s',
    (saddr) => {
      expect(parseSockaddr(saddr, 'LE')).toBeUndefined();
    },
  );
});

describe('rules for socket calls', () => {
  it.each([
    ['x86_64', 8],
    ['aarch64', 4],
    ['armv7l', 2],
    ['i686', 6],
  ])('on %s: where an ABI has no such call there is no rule', (machine, count) => {
    const rules = socketCallRules.flatMap((rule) => encodeRules(rule, abisOf(machine) ?? [], 1));
    expect(rules).toHaveLength(count);
  });
});
