import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostPaths } from '../../../../collectors/kernel/paths.js';
import {
  parseAuditId,
  parseCmdline,
  parseRealUid,
  parseStat,
  pidsAmong,
  readBootTimeMs,
  readProcess,
  readStat,
} from '../../../../collectors/kernel/processes/proc.js';
import { casePaths } from '../../../support/case-host.js';

const debian = casePaths('debian-12-kernel-6.1');
const buildroot = casePaths('buildroot-kernel-4.9-arm');

describe('the time of the boot', () => {
  it('is a whole second, and unknown where /proc does not tell it', () => {
    const bootTimeMs = readBootTimeMs(hostPaths);
    expect(bootTimeMs).toBeGreaterThan(0);
    expect((bootTimeMs ?? 1) % 1000).toBe(0);
    expect(readBootTimeMs(debian)).toBeUndefined();
  });
});

describe('what /proc tells of a process', () => {
  it('reads a process of which the first thread has ended from another one', () => {
    const paths = casePaths('debian-12-kernel-6.1');
    const directory = `${paths.procRoot}/612`;
    mkdirSync(`${directory}/task/612`, { recursive: true });
    mkdirSync(`${directory}/task/613`, { recursive: true });
    renameSync(`${directory}/exe`, `${directory}/task/613/exe`);
    renameSync(`${directory}/cmdline`, `${directory}/task/613/cmdline`);
    writeFileSync(`${directory}/cmdline`, '');
    expect(readProcess(paths, 612)).toMatchObject({
      pid: 612,
      executable: '/usr/sbin/sshd',
      argv: ['sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups'],
    });
  });

  it('takes no name that systemd gave a process in place of its arguments for a command line', () => {
    const paths = casePaths('debian-12-kernel-6.1');
    const directory = `${paths.procRoot}/612`;
    const stat = readFileSync(`${directory}/stat`, 'utf8');
    writeFileSync(`${directory}/stat`, stat.replace('(sshd)', '((sshd))'));
    writeFileSync(`${directory}/cmdline`, '(sshd)\0\0\0\0');
    const facts = readProcess(paths, 612);
    expect([facts?.comm, facts?.argv]).toEqual(['(sshd)', undefined]);
  });

  it('reads a daemon that rewrote its title as one argument', () => {
    expect(readProcess(debian, 612)).toEqual({
      pid: 612,
      comm: 'sshd',
      parentPid: 1,
      flags: 4194560,
      startTicks: 901,
      realUid: 0,
      executable: '/usr/sbin/sshd',
      argv: ['sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups'],
      argvComplete: true,
      workingDirectory: '/',
    });
  });

  it('reads a name with blanks and parentheses, empty arguments and bytes that are no UTF-8', () => {
    expect(readProcess(debian, 2044)).toMatchObject({
      comm: 'a) S (b c',
      parentPid: 612,
      realUid: 1000,
      executable: '/tmp/a) S (b c (deleted)',
      argv: ['/tmp/a) S (b c', '--name=\ufffd\ufffd', '', 'two words'],
      workingDirectory: '/home/operator',
      auditUserId: 1000,
      sessionId: 3,
    });
  });

  it('reads a kernel thread without program and arguments', () => {
    const facts = readProcess(debian, 2);
    expect(facts).toMatchObject({ comm: 'kthreadd', argv: [] });
    expect(facts).not.toHaveProperty('executable');
  });

  it('does without the audit ids on a kernel that has no audit', () => {
    const facts = readProcess(buildroot, 119);
    expect(facts).toMatchObject({ argv: ['/usr/sbin/dropbear', '-R'], startTicks: 310 });
    expect(facts).not.toHaveProperty('auditUserId');
    expect(facts).not.toHaveProperty('sessionId');
  });

  it('answers nothing for a process that is gone', () => {
    expect(readProcess(debian, 4711)).toBeUndefined();
    expect(readStat(debian, 4711)).toBeUndefined();
  });

  it('reads this very process', () => {
    const facts = readProcess(hostPaths, process.pid);
    expect(facts).toMatchObject({ parentPid: process.ppid, realUid: process.getuid?.() });
    expect(facts?.executable).toBe(process.execPath);
  });
});

describe('parsers of /proc', () => {
  it('keeps empty arguments, also the last', () => {
    expect(parseCmdline(Buffer.from('a\0\0b\0\0'))).toEqual(['a', '', 'b', '']);
    expect(parseCmdline(Buffer.from('no end'))).toEqual(['no end']);
    expect(parseCmdline(Buffer.alloc(0))).toEqual([]);
  });

  it('takes unset audit ids for absent', () => {
    expect(parseAuditId('4294967295')).toBeUndefined();
    expect(parseAuditId('0\n')).toBe(0);
    expect(parseAuditId('-1')).toBeUndefined();
  });

  it('takes the real user id, not the effective one', () => {
    expect(parseRealUid('Name:\tsu\nUid:\t1000\t0\t0\t0\n')).toBe(1000);
    expect(parseRealUid('Name:\tUid:\t5\t5\n')).toBeUndefined();
  });

  it('takes numbers alone for pids, in their order', () => {
    expect(pidsAmong(['10', 'self', '9', '007', '1e3', 'net', '99999999999'])).toEqual([9, 10]);
  });

  it('finds the fields behind any name', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 64 }), fc.nat(), fc.nat(), (comm, pid, parentPid) => {
        const tail = `S ${parentPid} 1 1 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 777 0 0`;
        const stat = parseStat(`${pid} (${comm}) ${tail}`);
        expect(stat).toEqual({ pid, comm, parentPid, flags: 4194304, startTicks: 777 });
      }),
    );
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array(), (text, bytes) => {
        parseStat(text);
        parseRealUid(text);
        parseAuditId(text);
        for (const argument of parseCmdline(Buffer.from(bytes)))
          expect(argument).not.toContain('\0');
      }),
    );
  });
});
