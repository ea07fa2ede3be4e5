/** One record of the kernel's audit stream, before its fields are looked at. */
export interface AuditRecord {
  /** Message type, `uapi/linux/audit.h`; for example 1300 SYSCALL, 1309 EXECVE. */
  readonly type: number;
  /** `SECONDS.MILLISECONDS:SERIAL` as written: the same for all records of one event. */
  readonly id: string;
  readonly serial: number;
  /** Wall clock of the event in milliseconds since the epoch. */
  readonly timeMs: number;
  /** What follows `audit(…): `. */
  readonly body: string;
}

/** All records that carry one serial, in the order they came. */
export interface AuditEvent {
  readonly id: string;
  readonly serial: number;
  readonly timeMs: number;
  readonly records: readonly AuditRecord[];
  /** False when records may be missing: no end was seen in time, or too much was pending. */
  readonly complete: boolean;
}

/** Whether the record of the call is lost, without which nothing can be told of what the others say. */
export function lacksCall({ records }: AuditEvent): boolean {
  return records.every(isPartOfCall);
}

/** Whether a record only adds to that of a system call. */
export function isPartOfCall({ type }: AuditRecord): boolean {
  return partsOfCall.includes(type);
}

export const auditTypes = {
  get: 1000,
  set: 1001,
  addRule: 1011,
  deleteRule: 1012,
  listRules: 1013,
  firstUser: 1100,
  lastUser: 1299,
  syscall: 1300,
  path: 1302,
  socketcall: 1304,
  configChange: 1305,
  sockaddr: 1306,
  cwd: 1307,
  execve: 1309,
  endOfEvent: 1320,
  netfilterConfiguration: 1325,
  seccomp: 1326,
  objectPid: 1318,
  proctitle: 1327,
  replace: 1329,
  firstSecurityModule: 1400,
  lastSecurityModule: 1499,
  secondUser: 2100,
  lastSecondUser: 2999,
} as const;

const partsOfCall: readonly number[] = [
  auditTypes.execve,
  auditTypes.sockaddr,
  auditTypes.socketcall,
  auditTypes.path,
  auditTypes.cwd,
  auditTypes.objectPid,
  auditTypes.proctitle,
];
