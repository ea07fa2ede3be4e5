import { fileCallNumber, fileCallNumbers } from './file-calls.js';
import { signalCallNumber } from './signal-calls.js';
import type { AuditRule, CallRule, WatchRule } from './source.js';
import type { Abi } from './syscalls.js';
import { auditArch, type SyscallName, syscallNumber } from './syscalls.js';

/** On every rule of the agent, so that only its own are ever removed. */
export const ruleKey = 'iot-security-agent';

/** Layout and numbers of `struct audit_rule_data`, `uapi/linux/audit.h`. */
const maskWords = 64;
const maxFields = 64;
const maskAt = 12;
const fieldsAt = maskAt + maskWords * 4;
const valuesAt = fieldsAt + maxFields * 4;
const operatorsAt = valuesAt + maxFields * 4;
const textLengthAt = operatorsAt + maxFields * 4;
const textAt = textLengthAt + 4;

const lists = { task: 0x2, exit: 0x4, exclude: 0x5 } as const;
const listBits = 0x7;
const prepend = 0x10;
const actions = { never: 0, always: 2 } as const;
const fieldNumbers = {
  pid: 0,
  arch: 11,
  exit: 103,
  success: 104,
  watch: 105,
  permission: 106,
  directory: 107,
  argument0: 200,
  key: 210,
} as const;
const operators = { equal: 0x4000_0000, notEqual: 0x3000_0000, anyBit: 0x0800_0000 } as const;
/** AUDIT_PERM_WRITE and AUDIT_PERM_ATTR. */
const writesOrAttributes = 0x2 | 0x8;
/** Fields whose value is the length of a text: LSM labels, watch, directory, key, executable. */
const textFields: ReadonlySet<number> = new Set([
  13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 105, 107, 112, 210,
]);

interface RuleField {
  readonly number: number;
  readonly operator: number;
  readonly value: number;
}

/** A field to encode; of one with a text the value is its length. */
interface NewField extends RuleField {
  readonly text?: string;
}

/** One rule as the kernel lists it. */
export interface ListedRule {
  readonly bytes: Buffer;
  readonly list: number;
  readonly action: number;
  readonly fields: readonly RuleField[];
  readonly key: string | undefined;
  /** What it watches; absent for a rule on calls alone. */
  readonly path?: string;
}

/** The messages that set `rule` for each ABI that has such calls, leaving out the process `exceptPid`. */
export function encodeRules(
  rule: AuditRule,
  abis: readonly Abi[],
  exceptPid: number,
): readonly Buffer[] {
  const { equal, notEqual } = operators;
  const last: readonly NewField[] = [
    { number: fieldNumbers.pid, operator: notEqual, value: exceptPid },
    { ...textField(fieldNumbers.key, ruleKey) },
  ];
  if ('watch' in rule) return encodeWatch(rule, abis, last);
  return abis.flatMap((abi) => {
    const syscalls = rule.syscalls
      .map(
        (name) =>
          syscallNumber(abi, name as SyscallName) ??
          fileCallNumber(abi, name) ??
          signalCallNumber(abi, name),
      )
      .filter((number) => number !== undefined);
    if (syscalls.length === 0) return [];
    const arch = { number: fieldNumbers.arch, operator: equal, value: auditArch(abi) };
    return encodeRule(maskOf(syscalls), [arch, ...conditions(rule), ...last]);
  });
}

function conditions({ argumentBits, firstArgument, outcome }: CallRule): readonly NewField[] {
  const { anyBit, equal } = operators;
  const fields: NewField[] = [];
  // Before the outcome where it turns away most of the calls.
  if (argumentBits !== undefined) {
    const { argument, bits } = argumentBits;
    fields.push({ number: fieldNumbers.argument0 + argument, operator: anyBit, value: bits });
  }
  fields.push(
    outcome === 'success'
      ? { number: fieldNumbers.success, operator: equal, value: 1 }
      : { number: fieldNumbers.exit, operator: equal, value: outcome.exit },
  );
  if (firstArgument !== undefined)
    fields.push({ number: fieldNumbers.argument0, operator: equal, value: firstArgument });
  return fields;
}

/**
 * A rule on a directory is looked at by every call of its mask, of whatever file, so that the mask holds only those that
 * change files, and opening for reading is turned away first of all. A rule on a file is found by the file: one for all
 * ABIs is enough.
 */
function encodeWatch(
  { watch, tree }: WatchRule,
  abis: readonly Abi[],
  last: readonly NewField[],
): readonly Buffer[] {
  const { equal } = operators;
  const permission = {
    number: fieldNumbers.permission,
    operator: equal,
    value: writesOrAttributes,
  };
  const path = textField(tree ? fieldNumbers.directory : fieldNumbers.watch, watch);
  const success = { number: fieldNumbers.success, operator: equal, value: 1 };
  if (!tree) return [encodeRule(everyCall, [permission, path, success, ...last])];
  return abis.map((abi) => {
    const arch = { number: fieldNumbers.arch, operator: equal, value: auditArch(abi) };
    const mask = maskOf(fileCallNumbers(abi));
    return encodeRule(mask, [arch, permission, success, path, ...last]);
  });
}

function textField(number: number, text: string): NewField {
  return { number, operator: operators.equal, value: Buffer.byteLength(text), text };
}

type Mask = readonly number[];

/** The last word names classes of calls instead of calls. */
const everyCall: Mask = Array.from({ length: maskWords }, (_, word) =>
  word < maskWords - 1 ? 0xffff_ffff : 0,
);

function maskOf(syscalls: readonly number[]): Mask {
  const mask = Array.from({ length: maskWords }, () => 0);
  for (const syscall of syscalls) {
    const word = syscall >>> 5;
    mask[word] = ((mask[word] ?? 0) | (1 << (syscall & 31))) >>> 0;
  }
  return mask;
}

function encodeRule(mask: Mask, fields: readonly NewField[]): Buffer {
  const text = Buffer.from(fields.map((field) => field.text ?? '').join(''));
  const rule = Buffer.alloc(textAt + text.length);
  rule.writeUInt32LE(lists.exit, 0);
  rule.writeUInt32LE(actions.always, 4);
  rule.writeUInt32LE(fields.length, 8);
  mask.forEach((word, index) => rule.writeUInt32LE(word, maskAt + index * 4));
  fields.forEach((field, index) => {
    rule.writeUInt32LE(field.number, fieldsAt + index * 4);
    rule.writeUInt32LE(field.value >>> 0, valuesAt + index * 4);
    rule.writeUInt32LE(field.operator, operatorsAt + index * 4);
  });
  rule.writeUInt32LE(text.length, textLengthAt);
  text.copy(rule, textAt);
  return rule;
}

/** A rule from an answer to AUDIT_LIST_RULES; undefined when it is torn. */
export function decodeRule(answer: Buffer): ListedRule | undefined {
  if (answer.length < textAt) return undefined;
  const count = answer.readUInt32LE(8);
  const textEnd = textAt + answer.readUInt32LE(textLengthAt);
  if (count > maxFields || textEnd > answer.length) return undefined;
  const fields: RuleField[] = [];
  let key: string | undefined;
  let path: string | undefined;
  let offset = textAt;
  for (let index = 0; index < count; index++) {
    const number = answer.readUInt32LE(fieldsAt + index * 4);
    const value = answer.readUInt32LE(valuesAt + index * 4);
    fields.push({ number, value, operator: answer.readUInt32LE(operatorsAt + index * 4) });
    if (!textFields.has(number)) continue;
    if (offset + value > textEnd) return undefined;
    if (number === fieldNumbers.key) key = answer.toString('utf8', offset, offset + value);
    if (number === fieldNumbers.watch || number === fieldNumbers.directory)
      path = answer.toString('utf8', offset, offset + value);
    offset += value;
  }
  return {
    bytes: answer.subarray(0, textEnd),
    list: answer.readUInt32LE(0) & listBits,
    action: answer.readUInt32LE(4),
    fields,
    key,
    ...(path !== undefined && { path }),
  };
}

/** What the kernel's rules lack of the wanted ones, and which of ours are not wanted (any more). */
export function compareRules(
  listed: readonly ListedRule[],
  wanted: readonly Buffer[],
): { readonly missing: readonly Buffer[]; readonly superfluous: readonly Buffer[] } {
  const ours = listed.filter(({ key }) => key === ruleKey);
  return {
    missing: wanted.filter((rule) => !ours.some(({ bytes }) => bytes.equals(rule))),
    superfluous: ours
      .filter(({ bytes }) => !wanted.some((rule) => rule.equals(bytes)))
      .map(({ bytes }) => bytes),
  };
}

/** Why the rules of others keep events from us although ours are set; undefined when they do not. */
export function hidingRules(listed: readonly ListedRule[]): string | undefined {
  if (listed.some(({ list, action }) => list === lists.task && action === actions.never)) {
    return 'An audit rule of somebody else on the task list (auditctl -a task,never) keeps new processes out of audit; remove it from /etc/audit/rules.d.';
  }
  if (listed.some(({ list, action }) => list === lists.exit && action === actions.never)) {
    return 'An audit rule of somebody else (auditctl -a exit,never) keeps some system calls out of audit.';
  }
  return excludesRecords(listed)
    ? 'An audit rule of somebody else on the exclude list drops some records.'
    : undefined;
}

/** Whether some rule, of whomever, records at least the calls of one wanted rule. */
export function coversAny(listed: readonly ListedRule[], wanted: readonly Buffer[]): boolean {
  return listed.some(
    ({ bytes, list, action, fields }) =>
      list === lists.exit &&
      action === actions.always &&
      wanted.some((rule) => {
        for (let word = 0; word < maskWords; word++) {
          const needed = rule.readUInt32LE(maskAt + word * 4);
          if ((needed & ~bytes.readUInt32LE(maskAt + word * 4)) !== 0) return false;
        }
        const arch = fields.find(({ number }) => number === fieldNumbers.arch);
        return arch === undefined || arch.value === rule.readUInt32LE(valuesAt);
      }),
  );
}

/** Whether somebody has records of audit left out, so that even announcements may be missing from the stream. */
export function excludesRecords(listed: readonly ListedRule[]): boolean {
  return listed.some(({ list }) => list === lists.exclude);
}

/** Whether the rule records these calls of an ABI and nothing else, under no key and on no other condition. */
export function recordsJust(
  { action, bytes, fields, key, list }: ListedRule,
  abi: Abi,
  calls: readonly SyscallName[],
  onlySuccess: boolean,
): boolean {
  if (list !== lists.exit || action !== actions.always || key !== undefined) return false;
  const wanted = [
    { number: fieldNumbers.arch, value: auditArch(abi) },
    ...(onlySuccess ? [{ number: fieldNumbers.success, value: 1 }] : []),
  ];
  const asks = ({ number, value }: { number: number; value: number }): boolean =>
    fields.some(
      (field) =>
        field.number === number && field.value === value && field.operator === operators.equal,
    );
  if (fields.length !== wanted.length || !wanted.every(asks)) return false;
  const numbers = calls.map((name) => syscallNumber(abi, name));
  for (let word = 0; word < maskWords; word++) {
    const mask = numbers.reduce<number>(
      (bits, number) =>
        number !== undefined && number >>> 5 === word ? bits | (1 << (number & 31)) : bits,
      0,
    );
    if (bytes.readUInt32LE(maskAt + word * 4) !== mask >>> 0) return false;
  }
  return numbers.every((number) => number !== undefined);
}

/** The rule so that the kernel puts it before all others of its list (`AUDIT_FILTER_PREPEND`). */
export function placedFirst(rule: Buffer): Buffer {
  const placed = Buffer.from(rule);
  placed.writeUInt32LE((rule.readUInt32LE(0) | prepend) >>> 0, 0);
  return placed;
}
