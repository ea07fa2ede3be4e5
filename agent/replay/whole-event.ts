import { standsAlone } from '../../collectors/kernel/audit/assembler.js';
import { type AuditRecord, auditTypes } from '../../collectors/kernel/audit/event.js';
import { readArguments } from '../../collectors/kernel/audit/execve-arguments.js';
import { parseFields } from '../../collectors/kernel/audit/record.js';
import { readSystemCall } from '../../collectors/kernel/audit/system-call.js';

/**
 * What the records of an event say is still to come: `records` of what is told of it, only its `end` (PROCTITLE, which
 * holds the arguments of a process as far as they are known, or EOE), or `nothing` that anybody reads.
 */
export function expectsOf(records: readonly AuditRecord[]): 'records' | 'end' | 'nothing' {
  const has = (wanted: number): boolean => records.some(({ type }) => type === wanted);
  const call = records.find(({ type }) => type === auditTypes.syscall);
  if (call === undefined)
    return records.every(({ type }) => standsAlone(type)) ? 'nothing' : 'records';
  const fields = parseFields(call.body);
  const { name } = readSystemCall(fields);
  const executions = records.filter(({ type }) => type === auditTypes.execve);
  if (executions.length > 0 || name === 'execve' || name === 'execveat') {
    if (fields.get('success') === 'no') return 'nothing';
    return readArguments(executions).complete && has(auditTypes.cwd) ? 'end' : 'records';
  }
  switch (name) {
    case 'accept':
    case 'accept4':
      // Who gives no buffer is told no address.
      return has(auditTypes.sockaddr) || fields.get('a1') === '0' ? 'end' : 'records';
    case 'connect':
    case 'socketcall':
      return has(auditTypes.sockaddr) ? 'end' : 'records';
    case 'unknown':
      return 'records';
    case 'other':
      return 'nothing';
  }
}
