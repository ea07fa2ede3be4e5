import { describe, expect, it } from 'vitest';
import { readExecve } from '../../../../collectors/kernel/audit/execve.js';
import { parseRecord } from '../../../../collectors/kernel/audit/record.js';
import { readSocketCall } from '../../../../collectors/kernel/audit/socket-call.js';
import { abiOf, takesX32 } from '../../../../collectors/kernel/audit/syscalls.js';
import { isOfUnknownAbi } from '../../../../collectors/kernel/audit/system-call.js';

const event = (...bodies: readonly (readonly [number, string])[]) => ({
  id: '1.000:1',
  serial: 1,
  timeMs: 1000,
  complete: true,
  records: bodies.flatMap(([type, body]) => parseRecord(type, `audit(1.000:1): ${body}`) ?? []),
});
const call = (arch: string, number: number, more = 'success=yes exit=5 a0=3 a1=7f') =>
  [1300, `arch=${arch} syscall=${number} ${more} pid=7 uid=0`] as const;
const littleEndian = [1306, 'saddr=02000050C0000209' + '0'.repeat(16)] as const;
const bigEndian = [1306, 'saddr=00020050C0000209' + '0'.repeat(16)] as const;

/** From `asm/unistd.h` of linux-libc-dev 6.1 for each architecture, and `uapi/linux/audit.h`. */
const abis = [
  ['x86_64', 'c000003e', 59, 322, 42, 43, 288, littleEndian],
  ['x32', 'c000003e', 0x40000208, 0x40000221, 0x4000002a, 0x4000002b, 0x40000120, littleEndian],
  ['i386', '40000003', 11, 358, 362, undefined, 364, littleEndian],
  ['aarch64', 'c00000b7', 221, 281, 203, 202, 242, littleEndian],
  ['arm', '40000028', 11, 387, 283, 285, 366, littleEndian],
  ['armeb', '28', 11, 387, 283, 285, 366, bigEndian],
  ['riscv64', 'c00000f3', 221, 281, 203, 202, 242, littleEndian],
  ['loongarch64', 'c0000102', 221, 281, 203, 202, 242, littleEndian],
  ['ppc64le', 'c0000015', 11, 362, 328, 330, 344, littleEndian],
  ['ppc64', '80000015', 11, 362, 328, 330, 344, bigEndian],
  ['ppc', '14', 11, 362, 328, 330, 344, bigEndian],
  ['s390x', '80000016', 11, 354, 362, undefined, 364, bigEndian],
  ['s390', '16', 11, 354, 362, undefined, 364, bigEndian],
  ['mips', '8', 4011, 4356, 4170, 4168, 4334, bigEndian],
  ['mipsel', '40000008', 4011, 4356, 4170, 4168, 4334, littleEndian],
  ['mips64', '80000008', 5057, 5316, 5041, 5042, 5293, bigEndian],
  ['mipsel64', 'c0000008', 5057, 5316, 5041, 5042, 5293, littleEndian],
  ['mips64n32', 'a0000008', 6057, 6320, 6041, 6042, 6297, bigEndian],
  ['mipsel64n32', 'e0000008', 6057, 6320, 6041, 6042, 6297, littleEndian],
] as const;

describe.each(abis)(
  'system calls of %s',
  (abi, arch, execve, execveat, connect, accept, accept4, address) => {
    it('starts programs', () => {
      for (const number of [execve, execveat])
        expect(readExecve(event(call(arch, number)))).toMatchObject({ pid: 7, arch: abi });
    });

    it('connects and accepts', () => {
      const remote = { address: '192.0.2.9', port: 80 };
      expect(readSocketCall(event(call(arch, connect), address))).toMatchObject({
        ...{ call: 'connect', remote, addressLost: undefined, descriptor: 3 },
      });
      for (const number of [accept, accept4])
        if (number !== undefined)
          expect(readSocketCall(event(call(arch, number), address))).toMatchObject({
            ...{ call: 'accept', remote, descriptor: 5 },
          });
    });

    it('connects in the background, with the errno of the ABI', () => {
      const errno = abi.startsWith('mips') ? 150 : 115;
      const read = (exit: string) =>
        readSocketCall(event(call(arch, connect, `success=no exit=${exit} a0=3`), address));
      expect(read(`-${errno}`)).toMatchObject({ inProgress: true });
      expect(read('EINPROGRESS')).toMatchObject({ inProgress: true });
      expect(read(errno === 150 ? '-115' : '-150')).toBeUndefined();
    });

    it('is a known ABI', () => {
      expect(isOfUnknownAbi(event(call(arch, 1)))).toBe(false);
      expect(abiOf(arch, connect)).toBe(abi);
    });
  },
);

describe('sockets of programs that multiplex their calls', () => {
  it.each([
    ['i386', '40000003', 102, littleEndian],
    ['s390x', '80000016', 102, bigEndian],
    ['ppc', '14', 102, bigEndian],
    ['mips', '8', 4102, bigEndian],
  ] as const)('%s', (_abi, arch, number, address) => {
    const socketcall = (a0: string) =>
      event(
        call(arch, number, `success=yes exit=6 a0=${a0}`),
        [1304, 'nargs=3 a0=9 a1=b a2=10'],
        address,
      );
    expect(readSocketCall(socketcall('3'))).toMatchObject({ call: 'connect', descriptor: 9 });
    expect(readSocketCall(socketcall('5'))).toMatchObject({ call: 'accept', descriptor: 6 });
    expect(readSocketCall(socketcall('12'))).toMatchObject({ call: 'accept', descriptor: 6 });
    expect(readSocketCall(socketcall('1'))).toBeUndefined();
  });
});

describe('an ABI without known numbers', () => {
  const sparc = '8000002b';

  it('is one of which a call may have been ours', () => {
    expect(isOfUnknownAbi(event(call(sparc, 98), bigEndian))).toBe(true);
    expect(isOfUnknownAbi(event(call(sparc, 98, 'success=no exit=-111 a0=3')))).toBe(false);
    expect(isOfUnknownAbi(event(call(sparc, 98, 'success=no exit=-115 a0=3')))).toBe(true);
  });

  it('tells its executions by their arguments', () => {
    const execution = event(call(sparc, 59), [1309, 'argc=1 a0="x"']);
    expect(isOfUnknownAbi(execution)).toBe(false);
    expect(readExecve(execution)).toMatchObject({ argv: ['x'], arch: sparc, complete: true });
  });

  it('tells its connections where auditd added the name of the call', () => {
    const [type, body] = call(sparc, 98);
    const enriched = [type, `${body}\u001dARCH=sparc64 SYSCALL=connect UID="root"`] as const;
    expect(readSocketCall(event(enriched, bigEndian))).toMatchObject({
      ...{ call: 'connect', remote: { address: '192.0.2.9' } },
    });
    expect(isOfUnknownAbi(event(enriched))).toBe(false);
  });
});

describe('the address of a call', () => {
  const [, address] = littleEndian;
  it.each([
    ['of another family', '01002F746D702F78', undefined],
    ['of netlink', '100000000000000000000000', undefined],
    ['shorter than one', '02000050C0', 'unparsed'],
    ['with an escape in it', `${address.slice(6)}#035SADDR={`, 'unparsed'],
  ] as const)('%s', (_what, saddr, lost) => {
    const answer = readSocketCall(event(call('c000003e', 42), [1306, `saddr=${saddr}`]));
    expect(answer).toMatchObject({ remote: undefined, addressLost: lost });
  });

  it('is lost where a connect has no record of it', () => {
    expect(readSocketCall(event(call('c000003e', 42)))?.addressLost).toBe('recordsMissing');
    expect(readSocketCall(event(call('c000003e', 43)))?.addressLost).toBeUndefined();
  });
});

describe('a kernel takes the calls of x32 programs', () => {
  it.each([
    ['BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro quiet\n', false],
    ['ro syscall.x32=y\n', true],
    ['syscall.x32=1 ro', true],
    ['syscall.x32=on', true],
    ['syscall.x32=y syscall.x32=n', false],
    ['other.syscall.x32=y', false],
    ['', false],
  ])('%j: %j', (commandLine, expected) => {
    expect(takesX32(commandLine)).toBe(expected);
  });
});
