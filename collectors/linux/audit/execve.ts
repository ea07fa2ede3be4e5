import type { AuditEvent, AuditRecord } from './event.js';
import { auditTypes } from './event.js';
import {
  type AuditFields,
  decimal,
  parseFields,
  plainText,
  untrustedBytes,
  untrustedPath,
  untrustedText,
} from './record.js';
import { abiOfArch, syscallName } from './syscalls.js';

/** A program that was started, as the records of one event tell it. */
export interface Execve {
  readonly timeMs: number;
  readonly serial: number;
  /** Every argument that was recorded. */
  readonly argv: readonly string[];
  /** Of a script, its interpreter. */
  readonly exe: string | undefined;
  readonly pid: number;
  readonly ppid: number;
  readonly uid: number | undefined;
  /** Login uid; undefined when the process descends from no login. */
  readonly auid: number | undefined;
  /** Audit session; undefined likewise. */
  readonly ses: number | undefined;
  readonly tty: string | undefined;
  readonly cwd: string | undefined;
  readonly comm: string | undefined;
  readonly key: string | undefined;
  /** `x86_64`, `i386`, `aarch64`, `arm`, or the hexadecimal AUDIT_ARCH of another. */
  readonly arch: string | undefined;
  /** False when records of the event were lost, so that arguments may be missing. */
  readonly complete: boolean;
}

/**
 * The started program of an event; undefined if the event is something else, or the call failed. Where all records of
 * the arguments were lost it has none, and is incomplete.
 */
export function readExecve(event: AuditEvent): Execve | undefined {
  const call = event.records.find(({ type }) => type === auditTypes.syscall);
  if (call === undefined) return undefined;
  const executions = event.records.filter(({ type }) => type === auditTypes.execve);
  const fields = parseFields(call.body);
  if (executions.length === 0 && !isExecution(fields)) return undefined;
  const pid = decimal(fields.get('pid'));
  if (fields.get('success') !== 'yes' || pid === undefined) return undefined;
  const { argv, complete } = readArguments(executions);
  const directory = event.records.find(({ type }) => type === auditTypes.cwd);
  const arch = plainText(fields.get('arch'));
  return {
    timeMs: event.timeMs,
    serial: event.serial,
    argv,
    exe: untrustedPath(fields.get('exe')),
    pid,
    ppid: decimal(fields.get('ppid')) ?? 0,
    uid: decimal(fields.get('uid')),
    auid: decimal(fields.get('auid')),
    ses: decimal(fields.get('ses')),
    tty: plainText(fields.get('tty')),
    cwd: directory && untrustedPath(parseFields(directory.body).get('cwd')),
    comm: untrustedText(fields.get('comm')),
    key: untrustedText(fields.get('key')),
    arch: abiOfArch(arch) ?? arch,
    complete: event.complete && complete,
  };
}

/** The call tells it alone where the records of the arguments were lost. */
function isExecution(fields: AuditFields): boolean {
  const abi = abiOfArch(plainText(fields.get('arch')));
  const number = decimal(fields.get('syscall'));
  const name = abi === undefined || number === undefined ? undefined : syscallName(abi, number);
  return name === 'execve' || name === 'execveat';
}

const argumentName = /^a(\d{1,7})(\[\d{1,7}\]|_len)?$/;

/** An argument that came in pieces. */
interface Pieces {
  readonly bytes: Buffer[];
  /** Of the pieces as the kernel wrote them, without quotes. */
  writtenLength: number;
  /** What the kernel said that all of them together have. */
  announcedLength: number | undefined;
}

/**
 * The arguments of the EXECVE records: `a0="ls"`, or in pieces `a1_len=9000 a1[0]=… a1[1]=…` that go on in the next
 * record (`audit_log_execve_info` in `kernel/auditsc.c`). A piece ends anywhere, even within a character, so pieces
 * are joined as bytes. The records of one event may be lost singly, when a long command line floods the socket: what is
 * missing within an argument shows in its length alone.
 */
function readArguments(records: readonly AuditRecord[]): {
  readonly argv: readonly string[];
  readonly complete: boolean;
} {
  const values = new Map<number, string | Pieces>();
  let announced: number | undefined;
  for (const record of records) {
    for (const [name, raw] of parseFields(record.body)) {
      if (name === 'argc') announced ??= decimal(raw);
      const match = argumentName.exec(name);
      if (match === null) continue;
      const index = Number(match[1]);
      if (match[2] === undefined) {
        values.set(index, untrustedText(raw) ?? unquotedArgument(raw));
        continue;
      }
      const present = values.get(index);
      const pieces: Pieces =
        typeof present === 'object'
          ? present
          : { bytes: [], writtenLength: 0, announcedLength: undefined };
      values.set(index, pieces);
      if (match[2] === '_len') {
        pieces.announcedLength ??= decimal(raw);
        continue;
      }
      pieces.bytes.push(untrustedBytes(raw) ?? Buffer.from(unquotedArgument(raw)));
      pieces.writtenLength += raw.startsWith('"') ? raw.length - 2 : raw.length;
    }
  }
  let complete = announced === values.size;
  const argv = [...values]
    .sort(([a], [b]) => a - b)
    .map(([, value]) => {
      if (typeof value === 'string') return value;
      const bytes = Buffer.concat(value.bytes);
      complete &&= [value.writtenLength, bytes.length].includes(value.announcedLength ?? -1);
      return bytes.toString('utf8');
    });
  return { argv, complete };
}

/** `(null)` and `?` mean unset elsewhere; the kernel quotes an argument that reads like them, so this is its own. */
function unquotedArgument(raw: string): string {
  return raw === '(null)' ? '' : raw;
}
