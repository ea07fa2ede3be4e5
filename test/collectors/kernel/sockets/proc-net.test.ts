import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressText } from '../../../../collectors/kernel/address.js';
import {
  parseSocketLine,
  socketProtocols,
} from '../../../../collectors/kernel/sockets/proc-net.js';

const line = (local: string, state: string) =>
  `   0: ${local} ${local.replace(/./gu, (c) => (c === ':' ? ':' : '0'))} ${state} 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0`;

describe('socket tables of /proc/net', () => {
  it('reads the words in the byte order of the host', () => {
    const little = parseSocketLine(line('0100007F:1F90', '0A'), 'tcp', 'LE');
    const big = parseSocketLine(line('7F000001:1F90', '0A'), 'tcp', 'BE');
    expect(little).toEqual(big);
    expect(little).toEqual({
      protocol: 'tcp',
      addressHex: '7f000001',
      port: 8080,
      uid: 1000,
      inode: 4711,
    });
  });

  it('reads each of the four words of an IPv6 address for itself', () => {
    const words = 'B80D01200000000000000000'.padEnd(24, '0') + '01000000';
    expect(parseSocketLine(line(`${words}:0016`, '0A'), 'tcp6', 'LE')).toMatchObject({
      addressHex: '20010db8000000000000000000000001',
    });
  });

  it('leaves out what does not wait for others', () => {
    expect(parseSocketLine(line('0100007F:1F90', '01'), 'tcp', 'LE')).toBeUndefined();
    expect(parseSocketLine(line('0100007F:1F90', '06'), 'tcp', 'LE')).toBeUndefined();
    expect(parseSocketLine(line('0100007F:1F90', '01'), 'udp', 'LE')).toBeUndefined();
    expect(parseSocketLine(line('0100007F:1F90', '0A'), 'udp', 'LE')).toBeUndefined();
    expect(parseSocketLine('  sl  local_address rem_address', 'tcp', 'LE')).toBeUndefined();
  });

  it.each([
    line('0100007F', '0A'),
    line('0100007F:1F90', 'A'),
    line('0100007:1F90', '0A'),
    line('00000000000000000000000000000000:1F90', '0A'),
    '   0: 0100007F:1F90',
    'garbage',
  ])('calls a torn line malformed: %s', (torn) => {
    expect(parseSocketLine(torn, 'tcp', 'LE')).toBe('malformed');
  });

  it('never throws, and what it finds has an address and a port', () => {
    const digits = fc.stringMatching(/^[0-9A-F]{0,33}$/u);
    const lines = fc.oneof(
      fc.string(),
      fc.tuple(digits, digits, digits).map(([a, b, c]) => line(`${a}:${b}`, c)),
      fc.stringMatching(/^[0-9A-F]{8}:[0-9A-F]{4}$/u).map((local) => line(local, '0A')),
      fc.stringMatching(/^[0-9A-F]{32}:[0-9A-F]{4}$/u).map((local) => line(local, '07')),
    );
    fc.assert(
      fc.property(lines, fc.constantFrom(...socketProtocols), (text, protocol) => {
        const socket = parseSocketLine(text, protocol, 'LE');
        if (socket === undefined || socket === 'malformed') return;
        const address = addressText(socket.addressHex);
        expect(protocol.endsWith('6') ? isIPv6(address) : isIPv4(address)).toBe(true);
        expect(socket.port).toBeLessThan(65_536);
      }),
    );
  });
});

describe('addresses as RFC 5952 writes them', () => {
  it.each([
    ['7f000001', '127.0.0.1'],
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000000000001', '::1'],
    ['20010db8000000000000000000000001', '2001:db8::1'],
    ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
    ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
    ['20010000000000010000000000000001', '2001:0:0:1::1'],
    ['fe80000000000000505400fffe28bed6', 'fe80::5054:ff:fe28:bed6'],
    ['00010002000300040005000600000000', '1:2:3:4:5:6::'],
    ['00000000000000000000ffff7f000001', '::ffff:127.0.0.1'],
    ['0000abcd000000000000000000000000', '0:abcd::'],
  ])('%s is %s', (hex, text) => {
    expect(addressText(hex)).toBe(text);
  });

  it('writes every address so that the text means the same bytes, as short as a URL parser does', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[0-9a-f]{32}$/u),
        fc.nat(7),
        fc.nat(8),
        (hex, from, count) => {
          const zeroed = [...hex.matchAll(/.{4}/gu)].map(([group], index) =>
            index >= from && index < from + count ? '0000' : group,
          );
          const address = zeroed.join('');
          fc.pre(!address.startsWith('00000000000000000000ffff'));
          expect(`[${addressText(address)}]`).toBe(
            new URL(`http://[${zeroed.join(':')}]`).hostname,
          );
        },
      ),
    );
  });
});
