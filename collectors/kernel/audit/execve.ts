import type { AuditEvent } from './event.js';
import { auditTypes } from './event.js';
import { readArguments } from './execve-arguments.js';
import {
  decimal,
  fieldsOfCall,
  parseFields,
  plainText,
  untrustedPath,
  untrustedText,
} from './record.js';
import { readSystemCall } from './system-call.js';

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
  readonly euid: number | undefined;
  /** Login uid; undefined when the process descends from no login. */
  readonly auid: number | undefined;
  /** Audit session; undefined likewise. */
  readonly ses: number | undefined;
  readonly tty: string | undefined;
  readonly cwd: string | undefined;
  readonly comm: string | undefined;
  readonly key: string | undefined;
  /** The ABI by its name in `syscalls.ts`, or the hexadecimal AUDIT_ARCH of another. */
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
  const fields = fieldsOfCall(call);
  const { arch, abi, name } = readSystemCall(fields);
  // The call tells it alone where the records of the arguments were lost.
  if (executions.length === 0 && name !== 'execve' && name !== 'execveat') return undefined;
  const pid = decimal(fields.get('pid'));
  if (fields.get('success') !== 'yes' || pid === undefined) return undefined;
  const { argv, complete } = readArguments(executions);
  const directory = event.records.find(({ type }) => type === auditTypes.cwd);
  return {
    timeMs: event.timeMs,
    serial: event.serial,
    argv,
    exe: untrustedPath(fields.get('exe')),
    pid,
    ppid: decimal(fields.get('ppid')) ?? 0,
    uid: decimal(fields.get('uid')),
    euid: decimal(fields.get('euid')),
    auid: decimal(fields.get('auid')),
    ses: decimal(fields.get('ses')),
    tty: plainText(fields.get('tty')),
    cwd: directory && untrustedPath(parseFields(directory.body).get('cwd')),
    comm: untrustedText(fields.get('comm')),
    key: untrustedText(fields.get('key')),
    arch: abi ?? arch,
    complete: event.complete && complete,
  };
}
