import type { AuditRecord } from './event.js';
import { auditTypes } from './event.js';
import { withoutPrefix } from './log-prefix.js';
import { restoreSeparator } from './log-separator.js';
import { unwrap } from './log-wrapper.js';
import { loginRecordTypes } from './login-records.js';
import { parseRecord } from './record.js';

/** One record of a recorded log. */
export interface LoggedRecord {
  /** Who wrote it, in a log that several devices share; '' otherwise. */
  readonly node: string;
  readonly record: AuditRecord;
  /** False for a type that nobody reads, whose number is then 0. */
  readonly isRead: boolean;
  /** Its end was never written: another record begins within it, or the file ends. */
  readonly isCut: boolean;
}

/** Why a line holds no record that can be used; the end of a sentence. */
interface UnusableLine {
  readonly why: string;
}

/**
 * The records of one line of a recorded audit log, nearly always one; none for a blank line and for what ausearch puts
 * between events. Read are
 * - lines of auditd, `node=NAME type=SYSCALL msg=audit(…): …`, plain or enriched, also without `msg=`;
 * - lines of the kernel, `audit: type=1300 audit(…): …`, as old kernels print them without `audit: `;
 * - both after the prefix of syslog or of the kernel's log (`log-prefix.ts`), and in JSON (`log-wrapper.ts`).
 */
export function parseLogLine(line: string, isCut = false): readonly LoggedRecord[] | UnusableLine {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  return parseText(text, { host: '', isCut, wrappings: mostWrappings });
}

/** A forwarder may wrap what another one wrapped. */
const mostWrappings = 2;

interface Surroundings {
  /** Of what the line is wrapped in. */
  readonly host: string;
  readonly isCut: boolean;
  /** How often it may be wrapped yet. */
  readonly wrappings: number;
}

function parseText(
  line: string,
  surroundings: Surroundings,
): readonly LoggedRecord[] | UnusableLine {
  const { host: named, text } = withoutPrefix(line);
  const { host, isCut, wrappings } = surroundings;
  const match = written.exec(text);
  if (match !== null) {
    const records = recordsOf(match, named === '' ? host : named, isCut);
    return records ?? { why: foreignForm(text) ?? 'its time and serial number cannot be read' };
  }
  if (between.test(text)) return [];
  const wrapped = wrappings > 0 ? unwrap(line) : undefined;
  for (const inner of wrapped?.texts ?? []) {
    // What ends in the middle is no object.
    const parsed = parseText(inner, {
      ...{ host: wrapped?.host ?? '', isCut: false, wrappings: wrappings - 1 },
    });
    if (!('why' in parsed)) return parsed;
  }
  return { why: foreignForm(text) ?? 'it is not an audit record' };
}

const written =
  /^(?:node=(?<node>.{1,255}?) )?type=(?<type>[^\s=]{1,40}) (?:msg=)?(?<rest>audit\(.*)$/su;
/** Between its events ausearch writes a rule and the time; an array of JSON has its brackets on lines of their own. */
const between = /^(?:\s*|-{4}|[[\],]|time->.{1,40}|<no matches>)$/u;
/** Kernel records hold no blank in any text that a program chose, so that this is the next line after one that was cut. */
const following =
  /(?:node=\S{1,255} )?type=[A-Z][A-Z0-9_]{2,39} msg=audit\(\d{1,12}\.\d{3}:\d{1,10}\): /gu;

/** Forms of audit that cannot be read, and what can. */
const foreignForms: readonly { readonly form: RegExp; readonly why: string }[] = [
  {
    form: /\bmsg=audit\(\d{1,4}[./-]\d{1,2}[./-]\d{1,4} [\d:.]{8,12}(?: [AP]M)?:\d{1,10}\)/u,
    why: 'it is in the form that ausearch -i interprets, which no longer tells numbers from names; write the log with ausearch --raw',
  },
  {
    form: /(?:^|\s)audit(?:\[\d{1,10}\])?: (?:<audit-\d{4}>|AUDIT\d{4}|[A-Z][A-Z0-9_]{2,39}) [\w-]{1,40}=|^(?:AUDIT\d{4}|SYSCALL|EXECVE|SOCKADDR|PROCTITLE|CWD) [\w-]{1,40}=/u,
    why: 'it is in the short form of the journal, which leaves out the serial numbers that tell what belongs together; write the log with journalctl -o json',
  },
];

function foreignForm(text: string): string | undefined {
  return foreignForms.find(({ form }) => form.test(text))?.why;
}

function recordsOf(
  match: RegExpExecArray,
  host: string,
  isCut: boolean,
): readonly LoggedRecord[] | undefined {
  const { node = host, type: typeText = '', rest = '' } = match.groups ?? {};
  const type = numberOf(typeText);
  const record = parseRecord(type ?? 0, rest);
  if (record === undefined) return undefined;
  const isRead = type !== undefined;
  if (isKernelRecord(typeText, type) && record.body.includes('msg=audit(')) {
    following.lastIndex = 0;
    const next = following.exec(record.body);
    if (next !== null) {
      const cut = { ...record, body: record.body.slice(0, next.index) };
      const others = parseText(record.body.slice(next.index), { host, isCut, wrappings: 0 });
      return [{ node, record: cut, isRead, isCut: true }, ...('why' in others ? [] : others)];
    }
  }
  const body = restoreSeparator(record.body);
  return [{ node, record: { ...record, body }, isRead, isCut }];
}

/** Names of the types that are read, as `ausearch -m ALL` lists them. */
const types: ReadonlyMap<string, number> = new Map(
  Object.entries({
    ...loginRecordTypes,
    SYSCALL: auditTypes.syscall,
    PATH: auditTypes.path,
    SOCKETCALL: auditTypes.socketcall,
    SOCKADDR: auditTypes.sockaddr,
    CWD: auditTypes.cwd,
    EXECVE: auditTypes.execve,
    EOE: auditTypes.endOfEvent,
    PROCTITLE: auditTypes.proctitle,
  }),
);
const numbers = new Set(types.values());

function numberOf(text: string): number | undefined {
  const number = /^(?:UNKNOWN\[|AUDIT)?(\d{1,5})\]?$/u.exec(text)?.[1];
  if (number === undefined) return types.get(text);
  return numbers.has(Number(number)) ? Number(number) : undefined;
}

/** Of the types that are not read, those of user space have names of their own; they may hold any text. */
function isKernelRecord(text: string, type: number | undefined): boolean {
  if (type !== undefined) return type >= auditTypes.syscall && type < auditTypes.secondUser;
  return /^(?:AVC|OBJ_PID|MMAP|BPRM_FCAPS|FD_PAIR|IPC|CAPSET)$/u.test(text);
}
