import type { AuditEvent } from './event.js';
import { auditTypes } from './event.js';
import { type AuditFields, decimal, fieldsOfCall, plainText } from './record.js';
import { type Abi, abiOf, inProgressExit, type SyscallName, syscallName } from './syscalls.js';

/** Which call a SYSCALL record tells. */
export interface SystemCall {
  /** `arch=` as written, hexadecimal. */
  readonly arch: string | undefined;
  readonly abi: Abi | undefined;
  /** `other` for a call that rules of the agent cannot name, `unknown` where the numbers of the ABI are not known. */
  readonly name: SyscallName | 'other' | 'unknown';
}

/** From the fields of a SYSCALL record; the name that auditd adds to an enriched log counts where the number says nothing. */
export function readSystemCall(fields: AuditFields): SystemCall {
  const arch = plainText(fields.get('arch'));
  const number = decimal(fields.get('syscall'));
  const abi = abiOf(arch, number);
  if (abi !== undefined && number !== undefined)
    return { arch, abi, name: syscallName(abi, number) ?? 'other' };
  const added = fields.get('SYSCALL');
  if (added === undefined || added.startsWith('unknown')) return { arch, abi, name: 'unknown' };
  return { arch, abi, name: names.has(added) ? (added as SyscallName) : 'other' };
}

const names: ReadonlySet<string> = new Set<SyscallName>([
  'execve',
  'execveat',
  'connect',
  'accept',
  'accept4',
  'socketcall',
]);

/**
 * Whether an event is a call of an ABI without known numbers, so that nobody can tell what it was. An execution tells
 * itself by its arguments, and a call that failed is none of ours, but for a connect in the background.
 */
export function isOfUnknownAbi({ records }: AuditEvent): boolean {
  const call = records.find(({ type }) => type === auditTypes.syscall);
  if (call === undefined || hasKnownArch(call.body)) return false;
  const fields = fieldsOfCall(call);
  if (readSystemCall(fields).name !== 'unknown') return false;
  if (records.some(({ type }) => type === auditTypes.execve)) return false;
  const exit = decimal(fields.get('exit'));
  return fields.get('success') !== 'no' || (exit !== undefined && inProgressExits.has(exit));
}

/**
 * Whether an event of a call that the agent wants says neither that it failed nor what it did: its record was cut. To be
 * asked where `readExecve` and `readSocketCall` found nothing.
 */
export function isUnreadableCall({ records }: AuditEvent): boolean {
  const call = records.find(({ type }) => type === auditTypes.syscall);
  if (call === undefined) return false;
  const fields = fieldsOfCall(call);
  const { name } = readSystemCall(fields);
  const isExecution = records.some(({ type }) => type === auditTypes.execve);
  // What a multiplexed call is to do stands in its first argument, and may be anything.
  const isOurs = isExecution || !['other', 'unknown', 'socketcall'].includes(name);
  const failed = fields.get('success') === 'no' || fields.get('exit')?.startsWith('-') === true;
  return isOurs && !failed;
}

const inProgressExits: ReadonlySet<number> = new Set([
  inProgressExit(undefined),
  inProgressExit('mips'),
]);

/** The kernel writes `arch=` and `syscall=` first: most records need no more than this look. */
function hasKnownArch(body: string): boolean {
  const [, arch] = /^arch=([0-9a-f]{1,8}) syscall=\d/u.exec(body) ?? [];
  return arch !== undefined && abiOf(arch, undefined) !== undefined;
}
