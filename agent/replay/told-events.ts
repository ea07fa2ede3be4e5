import type { AuditRecord } from '../../collectors/kernel/audit/event.js';
import { asTheKernelWrote } from '../../collectors/kernel/audit/log-separator.js';
import { Recent } from './recent.js';

/** Some 4 MB; copies of a record stand nearer to each other, and so does one that comes late. */
const remembered = 8192;

interface ToldEvent {
  /** Of each record that went into it (`fingerprint`). */
  readonly records: readonly number[];
  /** It was a program or a connection, so that a record that comes too late is a loss. */
  readonly isOurs: boolean;
  /** One that came too late was counted. */
  isCounted: boolean;
}

/** The events that were told last, of all devices of a log, so that copies of their records are known again. */
export class ToldEvents {
  private readonly told = new Recent<ToldEvent>(remembered);

  get(node: string, id: string): ToldEvent | undefined {
    return this.told.get(`${node}\n${id}`);
  }

  add(node: string, id: string, event: Omit<ToldEvent, 'isCounted'>): void {
    const key = `${node}\n${id}`;
    const before = this.told.get(key)?.records ?? [];
    this.told.set(key, { ...event, records: [...before, ...event.records], isCounted: false });
  }
}

/**
 * A number by which a record of an event is known again (FNV-1a, 32 bits), also in a copy to which auditd added names:
 * an event has some ten records, so that two of them share one in fewer than 1 of 10^8 events.
 */
export function fingerprint({ type, body }: AuditRecord): number {
  const text = asTheKernelWrote(body);
  let hash = Math.imul(0x811c9dc5 ^ type, 0x01000193);
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
