import { readFileSync } from 'node:fs';
import { EventAssembler } from '../../collectors/kernel/audit/assembler.js';
import type { AuditEvent, AuditRecord } from '../../collectors/kernel/audit/event.js';
import { parseRecord } from '../../collectors/kernel/audit/record.js';

const types: Readonly<Record<string, number>> = {
  LOGIN: 1006,
  USER_AUTH: 1100,
  USER_ACCT: 1101,
  CRED_ACQ: 1103,
  CRED_DISP: 1104,
  USER_START: 1105,
  USER_END: 1106,
  USER_ERR: 1109,
  USER_LOGIN: 1112,
  SYSCALL: 1300,
  PATH: 1302,
  SOCKETCALL: 1304,
  CONFIG_CHANGE: 1305,
  SOCKADDR: 1306,
  CWD: 1307,
  EXECVE: 1309,
  EOE: 1320,
  BPRM_FCAPS: 1321,
  PROCTITLE: 1327,
  AVC: 1400,
  CRYPTO_SESSION: 2407,
};

/** The records of a captured log, one a line as auditd writes them. */
export function recordsOf(file: string): readonly AuditRecord[] {
  return readFileSync(new URL(`../collectors/kernel/audit/cases/${file}`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const match = /^type=(\w+) msg=(.*)$/.exec(line);
      const type = types[match?.[1] ?? ''];
      const record = type === undefined ? undefined : parseRecord(type, match?.[2] ?? '');
      if (record === undefined) throw new Error(`Not a record: ${line.slice(0, 80)}`);
      return record;
    });
}

export function eventsOf(file: string): readonly AuditEvent[] {
  const events: AuditEvent[] = [];
  const assembler = new EventAssembler(
    (event) => events.push(event),
    () => undefined,
  );
  for (const record of recordsOf(file)) assembler.push(record, 0);
  assembler.flush();
  return events;
}
