import { constants } from 'node:os';
import type { ByteOrder } from '../byte-order.js';
import type { Endpoint } from '../sockets/endpoint.js';
import type { AuditEvent } from './event.js';
import { auditTypes } from './event.js';
import {
  decimal,
  fieldsOfCall,
  parseFields,
  untrustedBytes,
  untrustedPath,
  untrustedText,
} from './record.js';
import { isTornSockaddr, parseSockaddr } from './sockaddr.js';
import type { AuditRule } from './source.js';
import { inProgressExit } from './syscalls.js';
import { readSystemCall, type SystemCall } from './system-call.js';

/** A connect or accept that did not fail, as the records of one event tell it. */
export interface SocketCall {
  readonly timeMs: number;
  /** Of the audit event: serials are given in the order in which calls end. */
  readonly serial: number;
  readonly call: 'connect' | 'accept';
  /** Of a connect: it goes on in the background (EINPROGRESS), and may fail yet. */
  readonly inProgress: boolean;
  readonly pid: number;
  readonly uid: number | undefined;
  readonly exe: string | undefined;
  readonly comm: string | undefined;
  /**
   * The arguments as far as the kernel keeps them for audit, which is 128 bytes in all, and from when it was first asked
   * for them: they may be those of the program before (`audit_log_proctitle`, `kernel/auditsc.c`).
   */
  readonly title: readonly string[];
  /** Of the socket that is connected, where it is known. */
  readonly descriptor: number | undefined;
  /** Of an accept: of the socket that listens, where it is known. */
  readonly listeningDescriptor: number | undefined;
  /** Undefined for an accept whose caller did not ask for it, and for other families than IPv4 and IPv6. */
  readonly remote: Endpoint | undefined;
  /** True when the event names an address, also one of another family. */
  readonly hasAddress: boolean;
  /** Why the address is not known although the call had one: its record is missing, or torn. */
  readonly addressLost: 'recordsMissing' | 'unparsed' | undefined;
}

/** The calls of socketcall(2), `uapi/linux/net.h`. */
const multiplexed: Readonly<Record<number, 'connect' | 'accept'>> = {
  3: 'connect',
  5: 'accept',
  18: 'accept',
};

/** What audit shall record; a connect that does not block ends in EINPROGRESS. */
export const socketCallRules: readonly AuditRule[] = [
  { syscalls: ['connect', 'accept', 'accept4'], outcome: 'success' },
  { syscalls: ['connect'], outcome: { exit: -constants.errno.EINPROGRESS } },
  ...Object.keys(multiplexed).map((call): AuditRule => ({
    syscalls: ['socketcall'],
    firstArgument: Number(call),
    outcome: 'success',
  })),
  {
    syscalls: ['socketcall'],
    firstArgument: 3,
    outcome: { exit: -constants.errno.EINPROGRESS },
  },
];

/** AUDIT_ARCH of a little-endian machine has this bit (`uapi/linux/audit.h`). */
const littleEndianBit = 0x4000_0000;

/** The socket call of an event; undefined if the event is something else, or the call failed. */
export function readSocketCall(event: AuditEvent): SocketCall | undefined {
  const record = event.records.find(({ type }) => type === auditTypes.syscall);
  if (record === undefined) return undefined;
  const fields = fieldsOfCall(record);
  const { abi, arch, name } = readSystemCall(fields);
  const pid = decimal(fields.get('pid'));
  const exit = exitOf(fields.get('exit'));
  const call = callOf(name, fields.get('a0'));
  if (call === undefined || pid === undefined || exit === undefined) return undefined;
  const inProgress = call === 'connect' && isInProgress(exit, abi);
  if (fields.get('success') !== 'yes' && !inProgress) return undefined;
  const address = event.records.find(({ type }) => type === auditTypes.sockaddr);
  const saddr = address && parseFields(address.body).get('saddr');
  const ownDescriptor = descriptorOf(event, name, fields.get('a0'));
  const order = (Number.parseInt(arch ?? '', 16) & littleEndianBit) === 0 ? 'BE' : 'LE';
  return {
    timeMs: event.timeMs,
    serial: event.serial,
    call,
    inProgress,
    pid,
    uid: decimal(fields.get('uid')),
    exe: untrustedPath(fields.get('exe')),
    comm: untrustedText(fields.get('comm')),
    title: titleOf(event),
    descriptor: call !== 'accept' ? ownDescriptor : exit === inProgressName ? undefined : exit,
    listeningDescriptor: call === 'accept' ? ownDescriptor : undefined,
    remote: parseSockaddr(saddr, order),
    hasAddress: saddr !== undefined,
    addressLost: lostAddress(call, saddr, order),
  };
}

/** A connect always has an address; an accept only where the caller asked for it. */
function lostAddress(
  call: SocketCall['call'],
  saddr: string | undefined,
  order: ByteOrder,
): SocketCall['addressLost'] {
  if (saddr === undefined) return call === 'connect' ? 'recordsMissing' : undefined;
  return isTornSockaddr(saddr, order) ? 'unparsed' : undefined;
}

function callOf(name: SystemCall['name'], a0: string | undefined): SocketCall['call'] | undefined {
  switch (name) {
    case 'connect':
      return 'connect';
    case 'accept':
    case 'accept4':
      return 'accept';
    case 'socketcall':
      return multiplexed[hexadecimal(a0) ?? 0];
    default:
      return undefined;
  }
}

/** The arguments of socketcall(2) are behind a pointer, and audit gives them in a record of their own. */
function descriptorOf(
  event: AuditEvent,
  name: SystemCall['name'],
  a0: string | undefined,
): number | undefined {
  if (name !== 'socketcall') return hexadecimal(a0);
  const record = event.records.find(({ type }) => type === auditTypes.socketcall);
  return record && hexadecimal(parseFields(record.body).get('a0'));
}

function titleOf(event: AuditEvent): readonly string[] {
  const record = event.records.find(({ type }) => type === auditTypes.proctitle);
  const bytes = record && untrustedBytes(parseFields(record.body).get('proctitle'));
  if (bytes === undefined || bytes.length === 0) return [];
  const text = bytes.toString('utf8');
  return (text.endsWith('\0') ? text.slice(0, -1) : text).split('\0');
}

/** auditd may write the name of the errno, whose number is then that of the ABI. */
const inProgressName = 'EINPROGRESS';

/** `decimal` takes -1 for unset, which here is EPERM: a failure all the same. */
function exitOf(raw: string | undefined): number | typeof inProgressName | undefined {
  return raw === inProgressName ? raw : decimal(raw);
}

function isInProgress(exit: ReturnType<typeof exitOf>, abi: SystemCall['abi']): boolean {
  return exit === inProgressName || exit === inProgressExit(abi);
}

function hexadecimal(raw: string | undefined): number | undefined {
  return raw !== undefined && /^[0-9a-f]{1,8}$/u.test(raw) ? Number.parseInt(raw, 16) : undefined;
}
