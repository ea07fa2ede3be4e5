import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readExecve } from '../../../../collectors/kernel/audit/execve.js';
import { parseRecord } from '../../../../collectors/kernel/audit/record.js';
import { eventsOf } from '../../../support/audit-cases.js';

const execsOf = (file: string) =>
  eventsOf(file)
    .map(readExecve)
    .filter((exec) => exec !== undefined);

describe('started programs from recorded audit events', () => {
  it('kernel 6.18: every argument, whatever is in it', () => {
    const execs = execsOf('debian-12-kernel-6.18-x64.log');
    expect(execs.map(({ argv }) => argv)).toEqual([
      ['/bin/true', 'plain'],
      [
        '/bin/true',
        'with blank',
        'quo"te',
        'größe',
        '',
        'line\nfeed',
        '(null)',
        '?',
        'DEADBEEF',
        'a=b',
        "it's",
      ],
      ['/bin/sh', '/srv/demo/script me.sh', 'x'],
      ['/bin/true', `x${'é'.repeat(2600)}`, 'y'.repeat(3800), 'last'],
      ['/bin/bash', '-c', `exec -a "odd name" /bin/true $'\\xff\\xfe'`],
      ['odd name', '\ufffd\ufffd'],
      ['/srv/demo/true32', 'thirty', 'two'],
    ]);
    expect(execs[2]).toMatchObject({
      exe: '/usr/bin/dash',
      comm: 'script me.sh',
      cwd: '/srv/demo',
      uid: 0,
      auid: undefined,
      ses: undefined,
      tty: undefined,
      key: 'iot-security-agent',
      arch: 'x86_64',
      complete: true,
    });
  });

  it.each(['debian-12-kernel-6.1-x64.log', 'debian-13-kernel-6.12-x64.log'])(
    '%s: every argument, whatever is in it',
    (file) => {
      const execs = execsOf(file);
      expect(execs.slice(0, 4).map(({ argv }) => argv)).toEqual([
        ['/bin/true', 'plain'],
        [
          ...['/bin/true', 'with blank', 'quo"te', 'größe', '', 'line\nfeed', '(null)', '?'],
          ...['DEADBEEF', 'a=b', "it's"],
        ],
        ['/bin/sh', './script me.sh', 'x'],
        ['odd name', '\ufffd\ufffd'],
      ]);
      expect(execs[4]?.argv.slice(0, 2)).toEqual(['python3', '-c']);
      expect(execs.every(({ complete }) => complete)).toBe(true);
      expect(execs[2]).toMatchObject({
        exe: '/usr/bin/dash',
        cwd: '/srv/demo',
        uid: 0,
        tty: 'ttyS1',
        key: 'iot-security-agent',
      });
    },
  );

  it('kernel 6.1: interleaved events are told apart, a failed call is none, set-uid keeps the real user', () => {
    expect(execsOf('debian-12-kernel-6.1-interleaved.log')).toMatchObject([
      { pid: 1503, argv: ['payload'], exe: '/memfd:payload (deleted)', cwd: '/', uid: 104 },
      {
        pid: 1502,
        ppid: 1410,
        argv: ['sudo', '-n', 'id'],
        cwd: '/home/operator/my files',
        uid: 1000,
        auid: 1000,
        ses: 3,
        tty: 'pts0',
        timeMs: 1718000000100,
        serial: 501,
      },
    ]);
  });

  it('Ubuntu, enriched by auditd: what follows the group separator does not disturb', () => {
    expect(execsOf('ubuntu-22.04-kernel-5.15-enriched.log')).toMatchObject([
      { argv: ['apt-get', 'install', 'curl'], key: 'exec_log', uid: 0, auid: 1000, ses: 12 },
    ]);
  });

  it('kernel 3.10: no end record, pieces that are quoted, SELinux labels', () => {
    expect(execsOf('rhel-7-kernel-3.10.log')).toMatchObject([
      { argv: ['python', '-c', 'print("hello")\n'], cwd: '/root', exe: '/usr/bin/python2.7' },
      { argv: ['echo', 'abcdefghijklmnop'], cwd: '/root' },
    ]);
  });

  it('arm64 and 32-bit arm under it', () => {
    expect(execsOf('raspberry-pi-os-kernel-6.6-arm64.log')).toMatchObject([
      { arch: 'aarch64', argv: ['vcgencmd', 'measure_temp'], complete: true },
      { arch: 'arm', argv: ['./gpio', '-g', 'read'], complete: true },
    ]);
  });

  it('arguments that were lost make the program incomplete, not invisible', () => {
    const event = eventsOf('debian-12-kernel-6.18-x64.log')[3];
    if (event === undefined) throw new Error('no event');
    const second = event.records.filter(({ type }) => type === 1309)[1];
    const torn = { ...event, records: event.records.filter((record) => record !== second) };
    expect(readExecve(torn)).toMatchObject({ pid: readExecve(event)?.pid, complete: false });
  });

  it('a piece lost from within an argument makes the program incomplete', () => {
    const body = (text: string) => parseRecord(1309, `audit(1.000:5): ${text}`);
    const call = parseRecord(1300, 'audit(1.000:5): success=yes ppid=1 pid=2 uid=0');
    const first = body('argc=2 a0="x" a1_len=12 a1[0]="evil"');
    const [second, third] = [body('a1[1]="-pay"'), body('a1[2]="load"')];
    const complete = (...parts: (typeof call)[]) => {
      const records = [call, ...parts].filter((record) => record !== undefined);
      return readExecve({ id: 'x', serial: 5, timeMs: 1000, records, complete: true })?.complete;
    };
    expect(complete(first, second, third)).toBe(true);
    expect(complete(first, third)).toBe(false);
    expect(complete(first, second)).toBe(false);
    expect(complete(body('argc=2 a0="x"'), second, third)).toBe(false);
  });

  it('pieces are ordered by their numbers, and the first of two that tell the same counts', () => {
    const records = [
      [1309, 'a1[2]="ccc" a2="end"'],
      [1309, 'a1[1]="bb"'],
      [1309, 'argc=3 a0="x" a1_len=6 a1[0]="a" a2="other"'],
      [1300, 'success=yes pid=2'],
    ] as const;
    const exec = readExecve({
      ...{ id: 'x', serial: 5, timeMs: 1000, complete: true },
      records: records.flatMap(
        ([type, body]) => parseRecord(type, `audit(1.000:5): ${body}`) ?? [],
      ),
    });
    expect(exec).toMatchObject({ argv: ['x', 'abbccc', 'end'], complete: true });
  });

  it.each(['argc=2 a0="x" a1="cu', 'argc=2 a0="x" a1=636', 'argc=2 a0="x"'])(
    'a record that was cut makes the program incomplete: %s',
    (body) => {
      const records = [parseRecord(1300, 'audit(1.000:5): success=yes pid=2 exe="/usr/b')].concat(
        parseRecord(1309, `audit(1.000:5): ${body}`),
      );
      const exec = readExecve({
        ...{ id: 'x', serial: 5, timeMs: 1000, complete: true },
        records: records.filter((record) => record !== undefined),
      });
      expect(exec).toMatchObject({ complete: false, exe: undefined });
    },
  );

  it('two megabytes of arguments come whole', () => {
    const count = 400;
    const value = 'é'.repeat(2600);
    const hex = Buffer.from(value).toString('hex').toUpperCase();
    const text = [
      'arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=2 auid=0 uid=0 tty=(none) ses=1',
      ...Array.from({ length: count }, (_, index) => {
        const head = index === 0 ? `argc=${count} ` : ' ';
        return `${head}a${index}_len=${hex.length} a${index}[0]=${hex.slice(0, 7002)} a${index}[1]=${hex.slice(7002)}`;
      }),
    ];
    const records = text
      .map((body, index) => parseRecord(index === 0 ? 1300 : 1309, `audit(1.000:5): ${body}`))
      .filter((record) => record !== undefined);
    const exec = readExecve({ id: 'x', serial: 5, timeMs: 1000, records, complete: true });
    expect(exec?.complete).toBe(true);
    expect(exec?.argv).toEqual(Array.from({ length: count }, () => value));
  });

  it('a program of which all records of the arguments were lost is told without them, as incomplete', () => {
    const [event] = eventsOf('debian-12-kernel-6.18-x64.log');
    if (event === undefined) throw new Error('no event');
    const records = event.records.filter(({ type }) => type !== 1309);
    expect(readExecve({ ...event, records })).toMatchObject({
      exe: '/usr/bin/true',
      argv: [],
      complete: false,
    });
    const other = records.map((record) => ({
      ...record,
      body: record.body.replace('syscall=59', 'syscall=42'),
    }));
    expect(readExecve({ ...event, records: other })).toBeUndefined();
  });

  it('no text makes the reader throw', () => {
    const body = fc.oneof(
      fc.string(),
      fc
        .array(
          fc.tuple(
            fc.constantFrom('a0', 'a1', 'a1_len', 'a1[0]', 'a9999999[1]', 'argc', 'pid', 'success'),
            fc.constantFrom('=', '="', "='", ''),
            fc.oneof(fc.string(), fc.constantFrom('yes', '1', '41', '4', 'ZZ', '(null)')),
          ),
        )
        .map((fields) => fields.map((field) => field.join('')).join(' ')),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(1300, 1307, 1309), body)), (parts) => {
        const records = parts
          .map(([type, text]) => parseRecord(type, `audit(1.002:3): success=yes pid=7 ${text}`))
          .filter((record) => record !== undefined);
        const exec = readExecve({ id: '', serial: 3, timeMs: 0, records, complete: true });
        if (exec !== undefined) {
          expect(Number.isInteger(exec.pid)).toBe(true);
          expect(exec.argv.every((argument) => typeof argument === 'string')).toBe(true);
        }
      }),
    );
  });
});
