import type { AuditRecord } from './event.js';
import { auditTypes } from './event.js';
import { loginRecordTypes } from './login-records.js';
import { parseRecord } from './record.js';

/** One record of a recorded log. */
export interface LoggedRecord {
  /** Who wrote it, in a log that several devices share; '' otherwise. */
  readonly node: string;
  readonly record: AuditRecord;
}

/**
 * One line of a recorded audit log:
 * - as auditd writes it, `node=NAME type=SYSCALL msg=audit(…): …`, plain or enriched (0x1d before what auditd added);
 * - as the kernel prints it where no daemon runs, `… audit: type=1300 audit(…): …`.
 *
 * `unread` is a record of a type that nobody reads, `between` a blank line or what ausearch puts between events, and
 * `malformed` any other line.
 */
export function parseLogLine(line: string): LoggedRecord | 'unread' | 'between' | 'malformed' {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  const match = written.exec(text) ?? printed.exec(text);
  if (match === null) return between.test(text) ? 'between' : 'malformed';
  const { node = '', type: typeText = '', rest = '' } = match.groups ?? {};
  const type = numberOf(typeText);
  const record = parseRecord(type ?? 0, rest);
  if (record === undefined) return 'malformed';
  return type === undefined ? 'unread' : { node, record };
}

const written = /^(?:node=(?<node>\S{1,255}) )?type=(?<type>\S{1,40}) msg=(?<rest>audit\(.*)$/su;
const printed = /\baudit: type=(?<type>\d{4}) (?<rest>audit\(.*)$/su;
/** Between its events ausearch writes a rule and the time. */
const between = /^(?:\s*|-{4}|time->.{1,40})$/u;

/** Names of the types that are read, as `ausearch -m ALL` lists them. */
const types: ReadonlyMap<string, number> = new Map(
  Object.entries({
    ...loginRecordTypes,
    SYSCALL: auditTypes.syscall,
    PATH: auditTypes.path,
    SOCKADDR: auditTypes.sockaddr,
    CWD: auditTypes.cwd,
    EXECVE: auditTypes.execve,
    EOE: auditTypes.endOfEvent,
    PROCTITLE: auditTypes.proctitle,
  }),
);
const numbers = new Set(types.values());

function numberOf(text: string): number | undefined {
  const number = /^(?:UNKNOWN\[)?(\d{1,5})\]?$/u.exec(text)?.[1];
  if (number === undefined) return types.get(text);
  return numbers.has(Number(number)) ? Number(number) : undefined;
}
