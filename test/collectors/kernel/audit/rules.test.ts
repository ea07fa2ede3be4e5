import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareRules,
  coversAny,
  decodeRule,
  encodeRules,
  hidingRules,
  ruleKey,
} from '../../../../collectors/kernel/audit/rules.js';
import { buildStatus, parseStatus } from '../../../../collectors/kernel/audit/status.js';
import { abisOf } from '../../../../collectors/kernel/audit/syscalls.js';

const started = { syscalls: ['execve', 'execveat'], outcome: 'success' } as const;
const decoded = (rule: Buffer | undefined) => {
  const listed = rule && decodeRule(rule);
  if (listed === undefined) throw new Error('not a rule');
  return listed;
};
const withList = (rule: Buffer, list: number, action: number) => {
  const copy = Buffer.from(rule);
  copy.writeUInt32LE(list, 0);
  copy.writeUInt32LE(action, 4);
  return decoded(copy);
};

describe('audit rules', () => {
  it.each([
    ['x86_64', 2],
    ['aarch64', 2],
    ['armv7l', 1],
    ['i686', 1],
  ])('on %s there is one for each of its ABIs', (machine, count) => {
    expect(encodeRules(started, abisOf(machine) ?? [], 1)).toHaveLength(count);
  });

  it('a machine whose system call numbers are unknown has none', () => {
    expect(abisOf('riscv64')).toBeUndefined();
  });

  it('name the calls, leave our own process out and carry our key', () => {
    const [rule] = encodeRules(started, ['x86_64'], 4711);
    // struct audit_rule_data: mask at 12, fields at 268, values at 524, operators at 780.
    expect(rule?.readUInt32LE(12 + 4)).toBe(1 << (59 - 32));
    expect(rule?.readUInt32LE(12 + 40)).toBe(1 << (322 - 320));
    expect(decoded(rule)).toMatchObject({
      list: 4,
      action: 2,
      key: ruleKey,
      fields: [
        { number: 11, value: 0xc000003e, operator: 0x40000000 },
        { number: 104, value: 1, operator: 0x40000000 },
        { number: 0, value: 4711, operator: 0x30000000 },
        { number: 210, value: ruleKey.length },
      ],
    });
  });

  it('ask for a negative errno in two-s complement', () => {
    const [rule] = encodeRules({ syscalls: ['execve'], outcome: { exit: -115 } }, ['arm'], 1);
    expect(decoded(rule).fields[1]).toMatchObject({ number: 103, value: 0xffffff8d });
  });

  it('test bits of an argument, as -F a1&06000 of auditctl', () => {
    const raised = {
      syscalls: ['chmod', 'fchmod'],
      argumentBits: { argument: 1, bits: 0o6000 },
      outcome: 'success',
    } as const;
    const [rule] = encodeRules(raised, ['x86_64', 'aarch64'], 1);
    expect(rule?.readUInt32LE(12 + 8)).toBe((1 << (90 - 64)) | (1 << (91 - 64)));
    expect(decoded(rule).fields[1]).toEqual({ number: 201, value: 0o6000, operator: 0x08000000 });
    // arm64 has no chmod, and its fchmod counts all the same.
    expect(encodeRules(raised, ['aarch64'], 1)).toHaveLength(1);
  });

  it('on a tree name just the calls that change files, for each ABI; on a file one is enough', () => {
    const trees = encodeRules({ watch: '/etc', tree: true }, ['x86_64', 'i386'], 4711);
    expect(trees.map((rule) => decoded(rule).path)).toEqual(['/etc', '/etc']);
    const [tree] = trees;
    expect(decoded(tree).fields.map(({ number }) => number)).toEqual([11, 106, 104, 107, 0, 210]);
    // Neither read nor getppid, but openat.
    expect(tree?.readUInt32LE(12)).toBe(1 << 2);
    expect(tree?.readUInt32LE(12 + 32)).not.toBe(0);
    expect(tree?.readUInt32LE(12 + 12)).toBe(0);
    const files = encodeRules({ watch: '/root/.ssh/äöü', tree: false }, ['x86_64', 'i386'], 4711);
    expect(files).toHaveLength(1);
    expect(decoded(files[0])).toMatchObject({ path: '/root/.ssh/äöü', key: ruleKey });
    expect(files[0]?.readUInt32LE(12 + 63 * 4)).toBe(0);
  });

  it('are compared so that only what is missing is added and only ours are removed', () => {
    const wanted = encodeRules(started, ['x86_64', 'i386'], 2);
    const stale = encodeRules(started, ['x86_64'], 1).map(decoded);
    const theirs = { ...decoded(wanted[0]), key: 'theirs' };
    const [first, second] = wanted;
    expect(compareRules([...stale, theirs, decoded(second)], wanted)).toEqual({
      missing: [first],
      superfluous: [stale[0]?.bytes],
    });
    expect(compareRules(wanted.map(decoded), wanted)).toEqual({ missing: [], superfluous: [] });
  });

  it('of others that hide what ours record are named', () => {
    const [rule] = encodeRules(started, ['x86_64'], 1);
    if (rule === undefined) throw new Error('no rule');
    expect(hidingRules([decoded(rule)])).toBeUndefined();
    expect(hidingRules([withList(rule, 2, 0)])).toMatch(/task list/);
    expect(hidingRules([withList(rule, 4, 0)])).toMatch(/exit,never/);
    expect(hidingRules([withList(rule, 5, 2)])).toMatch(/exclude list/);
  });

  it('that are locked are enough when they record the same calls of the same ABI', () => {
    const wanted = encodeRules(started, ['x86_64'], 1);
    const [less] = encodeRules({ ...started, syscalls: ['execve'] }, ['x86_64'], 9);
    const [arm] = encodeRules(started, ['aarch64'], 9);
    const [same] = encodeRules(started, ['x86_64'], 9);
    expect(coversAny([decoded(less), decoded(arm)], wanted)).toBe(false);
    expect(coversAny([decoded(same)], wanted)).toBe(true);
  });

  it('no answer of the kernel makes the parsers throw', () => {
    const [rule] = encodeRules(started, ['x86_64'], 1);
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 1200 }),
      fc.tuple(fc.nat(1058), fc.nat(255), fc.nat(1058)).map(([at, value, length]) => {
        const copy = Buffer.from(rule ?? []);
        copy[at] = value;
        return copy.subarray(0, length);
      }),
    );
    fc.assert(
      fc.property(bytes, (answer) => {
        decodeRule(Buffer.from(answer));
        parseStatus(Buffer.from(answer));
      }),
    );
  });
});

describe('the audit status', () => {
  it('of kernel 3.10 has no waiting time', () => {
    const answer = Buffer.alloc(32);
    answer.writeUInt32LE(1, 4);
    answer.writeUInt32LE(77, 12);
    answer.writeUInt32LE(64, 20);
    answer.writeUInt32LE(5, 24);
    expect(parseStatus(answer)).toEqual({
      enabled: 1,
      failure: 0,
      ownerPid: 77,
      backlogLimit: 64,
      lost: 5,
      backlogWaitTime: undefined,
    });
  });

  it('is set one value at a time', () => {
    const request = buildStatus('backlogLimit', 8192);
    expect(request.readUInt32LE(0)).toBe(0x10);
    expect(request.readUInt32LE(20)).toBe(8192);
    expect(parseStatus(request)?.backlogLimit).toBe(8192);
  });
});
