import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readFileCall } from '../../../../collectors/kernel/audit/file-call.js';
import { parseRecord } from '../../../../collectors/kernel/audit/record.js';

const tail = 'ouid=0 ogid=0 rdev=00:00';
/** Kernel 6.18, `sed -i` in the home of the superuser. */
const renamed: [number, string][] = [
  [
    1300,
    'arch=c000003e syscall=82 success=yes exit=0 a0=55bf0bf891a0 a1=7ffdc1a84ae7 a2=55ba50081b3a a3=7fa91c171528 items=5 ppid=27078 pid=27085 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 comm="sed" exe="/usr/bin/sed" key="iot-security-agent"',
  ],
  [1307, 'cwd="/root"'],
  [1302, `item=0 name="./" inode=4005 dev=fe:00 mode=040700 ${tail} nametype=PARENT`],
  [1302, `item=1 name="./" inode=4005 dev=fe:00 mode=040700 ${tail} nametype=PARENT`],
  [1302, `item=2 name="./sedsI9hgs" inode=160 dev=fe:00 mode=0100644 ${tail} nametype=DELETE`],
  [1302, `item=3 name=".bashrc" inode=673 dev=fe:00 mode=0100644 ${tail} nametype=DELETE`],
  [1302, `item=4 name=".bashrc" inode=160 dev=fe:00 mode=0100644 ${tail} nametype=CREATE`],
  [1327, 'proctitle=736564002D690073002F726F6F74'],
];
const event = (parts: readonly (readonly [number, string])[]) => {
  const records = parts.map(([type, body]) => {
    const record = parseRecord(type, `audit(1700000000.123:77): ${body}`);
    if (record === undefined) throw new Error('no record');
    return record;
  });
  return { id: '', serial: 77, timeMs: 1_700_000_000_123, records, complete: true };
};

describe('a call that changes files', () => {
  it('tells who made it, and each file by its path and its inode', () => {
    const call = readFileCall(event(renamed));
    expect(call).toMatchObject({
      ...{ pid: 27085, parentPid: 27078, uid: 0, loginUid: 1000, executable: '/usr/bin/sed' },
      title: ['sed', '-i', 's', '/root'],
    });
    const directories = ['254:0:4005', '254:0:4005'];
    expect(call?.files.at(-1)).toEqual({
      ...{ inode: '254:0:160', path: '/root/.bashrc', name: '.bashrc', isNew: true, directories },
    });
    expect(call?.files.map(({ name }) => name)).toEqual(['sedsI9hgs', '.bashrc', '.bashrc']);
  });

  it('is none that failed, and none that does something else', () => {
    const [[type, body] = [0, ''], ...others] = renamed;
    const changed = (from: string, to: string) =>
      readFileCall(event([[type, body.replace(from, to)], ...others]));
    expect(changed('success=yes', 'success=no')).toBeUndefined();
    expect(changed('syscall=82', 'syscall=59')).toBeUndefined();
    // 82 of arm64 is fsync.
    expect(changed('arch=c000003e', 'arch=c00000b7')).toBeUndefined();
  });

  it('never throws on what others wrote', () => {
    const field = fc.constantFrom('name=', 'inode=', 'dev=', 'nametype=', 'cwd=', 'proctitle=');
    const body = fc
      .array(fc.tuple(field, fc.string({ maxLength: 12 })))
      .map((parts) => parts.map(([name, value]) => name + value).join(' '));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(1302, 1307, 1327), body)), (parts) => {
        const [call] = renamed;
        readFileCall(event(call === undefined ? parts : [call, ...parts]));
      }),
    );
  });
});
