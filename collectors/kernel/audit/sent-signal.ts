import type { AuditEvent } from './event.js';
import { auditTypes } from './event.js';
import { decimal, fieldsOfCall, parseFields, untrustedPath } from './record.js';
import type { AuditRule } from './source.js';
import { signalCallOf } from './signal-calls.js';
import { abiOf } from './syscalls.js';

/**
 * What audit shall record so that signals to a process, or to the group that it leads, are told. The target of
 * pidfd_send_signal is a descriptor, which no rule can compare: the few programs that use it are all recorded.
 */
export function signalRules(pid: number): readonly AuditRule[] {
  const outcome = 'success';
  return [
    { syscalls: ['kill', 'tkill', 'tgkill'], firstArgument: pid, outcome },
    { syscalls: ['kill'], firstArgument: -pid, outcome },
    { syscalls: ['pidfd_send_signal'], outcome },
  ];
}

/** Who did something: a process, as the kernel saw it at that moment. */
export interface Sender {
  readonly pid: number;
  /** Full path of its executable, where it is told. */
  readonly executable?: string;
  /** Its real user. */
  readonly uid?: number;
}

/** A signal that was sent to a process. */
export interface SentSignal {
  /** Wall clock, milliseconds since the epoch. */
  readonly timeMs: number;
  /** As in signal(7) for x86 and ARM. */
  readonly signal: number;
  readonly target: number;
  readonly by: Sender;
}

/** The signal that a call of `signalRules` sent to one of `targets`; undefined for all other events. */
export function readSentSignal(
  event: AuditEvent,
  targets: ReadonlySet<number>,
): SentSignal | undefined {
  const record = event.records.find(({ type }) => type === auditTypes.syscall);
  if (record === undefined) return undefined;
  const fields = fieldsOfCall(record);
  const number = decimal(fields.get('syscall'));
  const abi = abiOf(fields.get('arch'), number);
  const name = abi === undefined || number === undefined ? undefined : signalCallOf(abi, number);
  const pid = decimal(fields.get('pid'));
  if (name === undefined || pid === undefined || fields.get('success') !== 'yes') return undefined;
  const signal = argument(fields.get(name === 'tgkill' ? 'a2' : 'a1'));
  // What a pidfd stands for is told by the kernel, and so is whom a signal to a group reached.
  const target =
    name === 'pidfd_send_signal' ? objectOf(event) : Math.abs(argument(fields.get('a0')) ?? 0);
  // 0 asks only whether the process is there.
  if (target === undefined || !targets.has(target) || signal === undefined || signal <= 0)
    return undefined;
  const executable = untrustedPath(fields.get('exe'));
  const uid = decimal(fields.get('uid'));
  return {
    timeMs: event.timeMs,
    signal,
    target,
    by: {
      pid,
      ...(executable !== undefined && { executable }),
      ...(uid !== undefined && { uid }),
    },
  };
}

/** An argument is written as a hexadecimal word; pids and signals are its lower half, with a sign. */
function argument(raw: string | undefined): number | undefined {
  if (raw === undefined || !/^[0-9a-f]{1,16}$/u.test(raw)) return undefined;
  return Number.parseInt(raw.slice(-8), 16) | 0;
}

function objectOf({ records }: AuditEvent): number | undefined {
  const object = records.find(({ type }) => type === auditTypes.objectPid);
  return object === undefined ? undefined : decimal(parseFields(object.body).get('opid'));
}
