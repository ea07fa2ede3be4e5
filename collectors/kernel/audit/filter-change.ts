import { type AuditEvent, auditTypes } from './event.js';
import { decimal, fieldsOfCall, parseFields, untrustedPath } from './record.js';

/** Somebody changed the packet filter, as far as the records tell who. */
export interface FilterChange {
  readonly pid?: number;
  readonly executable?: string;
  readonly userId?: number;
}

/**
 * A change of the packet filter, of whichever kind (NETFILTER_CFG, `audit_log_nfcfg` in kernel/auditsc.c); undefined for every other event.
 * The kernel tells the process in the record itself, and its program and user in that of the call, where it records calls.
 */
export function readFilterChange({ records }: AuditEvent): FilterChange | undefined {
  const change = records.find(({ type }) => type === auditTypes.netfilterConfiguration);
  if (change === undefined) return undefined;
  const call = records.find(({ type }) => type === auditTypes.syscall);
  const fields = parseFields(change.body);
  const callFields = call && fieldsOfCall(call);
  const pid = decimal(callFields?.get('pid')) ?? decimal(fields.get('pid'));
  const executable = untrustedPath(callFields?.get('exe'));
  const userId = decimal(callFields?.get('uid'));
  return {
    ...(pid !== undefined && { pid }),
    ...(executable !== undefined && { executable }),
    ...(userId !== undefined && { userId }),
  };
}
