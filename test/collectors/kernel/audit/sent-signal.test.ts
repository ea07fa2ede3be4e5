import { describe, expect, it } from 'vitest';
import { readSentSignal, signalRules } from '../../../../collectors/kernel/audit/sent-signal.js';
import { signalCallNumber } from '../../../../collectors/kernel/audit/signal-calls.js';
import { decodeRule, encodeRules } from '../../../../collectors/kernel/audit/rules.js';

const targets = new Set([4660]);

function call(fields: string, object = ''): Parameters<typeof readSentSignal>[0] {
  const common = { id: '1.000:7', serial: 7, timeMs: 1000 };
  const tail = 'ppid=1 pid=77 auid=1000 uid=1000 gid=0 comm="kill" exe="/usr/bin/kill" key="x"';
  return {
    ...common,
    complete: true,
    records: [
      { ...common, type: 1300, body: `${fields} items=0 ${tail}` },
      ...(object === '' ? [] : [{ ...common, type: 1318, body: object }]),
    ],
  };
}

const x86 = (name: string, args: string, success = 'yes'): string =>
  `arch=c000003e syscall=${signalCallNumber('x86_64', name)} success=${success} exit=0 ${args}`;

describe('a signal that audit records', () => {
  it.each([
    ['kill', x86('kill', 'a0=1234 a1=9 a2=0 a3=0'), 9],
    ['kill of its group', x86('kill', 'a0=ffffffffffffedcc a1=13 a2=0 a3=0'), 19],
    ['tkill', x86('tkill', 'a0=1234 a1=6 a2=0 a3=0'), 6],
    ['tgkill', x86('tgkill', 'a0=1234 a1=1235 a2=f a3=0'), 15],
    ['kill of a 32-bit program', 'arch=40000003 syscall=37 success=yes exit=0 a0=ffffedcc a1=9', 9],
  ])('is read of %s, with who sent it', (_call, fields, signal) => {
    expect(readSentSignal(call(fields), targets)).toEqual({
      timeMs: 1000,
      signal,
      target: 4660,
      by: { pid: 77, executable: '/usr/bin/kill', uid: 1000 },
    });
  });

  it('through a pidfd is meant for whom the kernel says', () => {
    const fields = x86('pidfd_send_signal', 'a0=1234 a1=9 a2=0 a3=0');
    const ours = call(fields, 'opid=4660 oauid=-1 ouid=0 oses=-1 ocomm="node"');
    expect(readSentSignal(ours, targets)?.target).toBe(4660);
    expect(readSentSignal(call(fields, 'opid=9 oauid=-1'), targets)).toBeUndefined();
    expect(readSentSignal(call(fields), targets)).toBeUndefined();
  });

  it.each([
    ['asks only', x86('kill', 'a0=1234 a1=0')],
    ['is for another process', x86('kill', 'a0=1235 a1=9')],
    ['failed', x86('kill', 'a0=1234 a1=9', 'no')],
    ['is another call', 'arch=c000003e syscall=59 success=yes exit=0 a0=1234 a1=9'],
    ['is torn', x86('kill', 'a0=zz a1=9')],
  ])('is none where it %s', (_why, fields) => {
    expect(readSentSignal(call(fields), targets)).toBeUndefined();
  });

  it('has rules for the process and its group, which the kernel lists as they were set', () => {
    const rules = signalRules(4660).flatMap((rule) => encodeRules(rule, ['x86_64', 'i386'], 4660));
    expect(rules).toHaveLength(6);
    const first = rules.map((rule) =>
      decodeRule(rule)?.fields.find(({ number }) => number === 200),
    );
    expect(first.map((field) => field?.value)).toEqual([
      4660,
      4660,
      0xffff_edcc,
      0xffff_edcc,
      undefined,
      undefined,
    ]);
  });
});
