import { decodeRule, recordsJust } from '../../../collectors/kernel/audit/rules.js';
import type { Abi, SyscallName } from '../../../collectors/kernel/audit/syscalls.js';

/** The rules of both old agents, which give them no key and never take them back (agents.md §5.1). */
const shapes: readonly {
  readonly calls: readonly SyscallName[];
  readonly onlySuccess: boolean;
}[] = [
  { calls: ['execve', 'execveat'], onlySuccess: false },
  { calls: ['connect', 'accept'], onlySuccess: true },
  { calls: ['connect'], onlySuccess: true },
  { calls: ['accept'], onlySuccess: true },
];

/** Whether an old agent sets just this rule: for the native ABI, without a key, and with no other condition. */
export function isOldAuditRule(rule: Buffer, native: Abi): boolean {
  return shapeOf(rule, native) !== undefined;
}

function shapeOf(rule: Buffer, native: Abi) {
  const decoded = decodeRule(rule);
  if (decoded === undefined || !decoded.bytes.equals(rule)) return undefined;
  return shapes.find(({ calls, onlySuccess }) => recordsJust(decoded, native, calls, onlySuccess));
}

export interface OldAuditRule {
  readonly rule: Buffer;
  /** No rule of somebody else stood before it. */
  readonly first: boolean;
}

/**
 * The rules to be taken back, in their order. One that the owner of the device has written down himself stays, although
 * an old agent would set the same.
 * @param written texts of /etc/audit/audit.rules and /etc/audit/rules.d
 */
export function oldAuditRules(
  rules: readonly Buffer[],
  native: Abi,
  written: readonly string[],
): readonly OldAuditRule[] {
  const own = written.flatMap((text) => text.split('\n')).map(callsOfLine);
  let first = true;
  return rules.flatMap((rule) => {
    const shape = shapeOf(rule, native);
    const isOld = shape !== undefined && !own.includes([...shape.calls].sort().join());
    if (!isOld) first = false;
    return isOld ? [{ rule, first }] : [];
  });
}

/** The calls of a line of auditctl(8) that has no key, sorted and with commas; the other conditions do not matter. */
function callsOfLine(line: string): string {
  const words = line.trim().split(/\s+/);
  if (line.trim().startsWith('#') || words.includes('-k') || /\bkey=/.test(line)) return '';
  const calls = words.flatMap((word, index) => (words[index - 1] === '-S' ? word.split(',') : []));
  return calls.sort().join();
}
