import type { LossCause } from '../../base/loss.js';
import { standsAlone } from '../../collectors/kernel/audit/assembler.js';
import { type AuditEvent, auditTypes, lacksCall } from '../../collectors/kernel/audit/event.js';
import type { AuditRecord } from '../../collectors/kernel/audit/event.js';
import type { LoggedRecord } from '../../collectors/kernel/audit/log-line.js';
import { Recent } from './recent.js';
import { fingerprint, type ToldEvents } from './told-events.js';
import { expectsOf } from './whole-event.js';

interface LogAssemblerOptions {
  readonly node: string;
  readonly told: ToldEvents;
  /** @param passedMs log time of its last record */
  readonly onEvent: (event: AuditEvent, passedMs: number) => void;
  readonly lose: (cause: LossCause, count: number) => void;
}

/** What of one event has come. */
interface Open {
  readonly id: string;
  records: AuditRecord[];
  fingerprints: number[];
  characters: number;
  /** Log time, and the number of the record, when it last went on. */
  passedMs: number;
  lastRecord: number;
  isEnded: boolean;
  isCut: boolean;
  isWhole: boolean;
  isTold: boolean;
}

/**
 * Gathers the records of each event of a recorded log of one device. Unlike the kernel's stream, a log may hold them in
 * any order: ausearch writes the last one first, forwarders mix them up and write copies, auditd leaves the end out.
 *
 * 1. No clock decides: an event is whole when everything that its call announces has come, and otherwise when the log
 *    went on for `patienceRecords` records without another one of it, or ended.
 * 2. Events are told in the order of their last records, whatever their stamps are.
 * 3. A copy of a record is none. A record that comes after its event was told is counted, unless it adds nothing.
 * 4. A second call under the same time and serial number is another event: of another boot, or of another device.
 * 5. What waits is bounded in records and characters.
 */
export class LogAssembler {
  private readonly open = new Map<string, Open>();
  /** In the order of their records; of each event only the entry of its last one counts. */
  private order: { readonly event: Open; readonly record: number }[] = [];
  private head = 0;
  private characters = 0;
  private seen = 0;
  private firstSerial: number | undefined;
  /** Events that have records of types that nobody reads: without a call they lack nothing. */
  private readonly others = new Recent<true>(patienceRecords);

  constructor(private readonly options: LogAssemblerOptions) {}

  push({ record, isRead, isCut }: LoggedRecord, passedMs: number): void {
    this.seen++;
    if (!isRead) this.others.set(record.id, true);
    else if (record.type === auditTypes.endOfEvent) this.endOfEvent(record);
    else this.add(record, passedMs, isCut);
    this.release();
  }

  /** Tells everything that waits: the log has ended. */
  end(): void {
    for (const { event, record } of this.order.splice(0).slice(this.head))
      if (isLast(event, record)) this.tell(event);
    this.head = 0;
  }

  private add(record: AuditRecord, passedMs: number, isCut: boolean): void {
    this.firstSerial ??= record.serial;
    const mark = fingerprint(record);
    let event = this.open.get(record.id);
    if (event?.fingerprints.includes(mark) === true) return;
    if (event !== undefined && beginsAnother(event, record)) {
      this.tell(event);
      event = undefined;
    } else if (event === undefined && this.wasTold(record, mark)) return;
    event ??= {
      ...{ id: record.id, records: [], fingerprints: [], characters: 0, passedMs },
      ...{ lastRecord: this.seen, isEnded: false, isCut: false, isWhole: false, isTold: false },
    };
    event.records.push(record);
    event.fingerprints.push(mark);
    event.characters += record.body.length;
    this.characters += record.body.length;
    // A value without quotes may go on; whatever else is cut shows by itself.
    event.isCut ||= isCut && record.type === auditTypes.execve && !record.body.endsWith('"');
    event.isEnded ||= record.type === auditTypes.proctitle;
    event.passedMs = passedMs;
    event.lastRecord = this.seen;
    // Before its end only the call itself can say that nothing more is needed.
    const mayBeWhole = event.isEnded || record.type === auditTypes.syscall;
    if (mayBeWhole || standsAlone(record.type)) this.assess(event);
    this.open.set(event.id, event);
    this.order.push({ event, record: this.seen });
  }

  private assess(event: Open): void {
    const expected = expectsOf(event.records);
    event.isWhole = expected === 'nothing' || (expected === 'end' && event.isEnded);
  }

  private endOfEvent(record: AuditRecord): void {
    const event = this.open.get(record.id);
    if (event !== undefined) {
      event.isEnded = true;
      this.assess(event);
      return;
    }
    const { node, told, lose } = this.options;
    const isKnown = told.get(node, record.id) !== undefined || this.others.get(record.id) === true;
    // Everything that it ends is missing, unless the log begins in the middle of it.
    if (!isKnown && record.serial > (this.firstSerial ?? Infinity)) lose('recordsMissing', 1);
  }

  /** Whether a record adds nothing to an event that was told, or comes too late for it. */
  private wasTold(record: AuditRecord, mark: number): boolean {
    const { node, told, lose } = this.options;
    const event = told.get(node, record.id);
    if (event === undefined) return false;
    if (event.records.includes(mark)) return true;
    if (record.type === auditTypes.syscall || standsAlone(record.type)) return false;
    if (event.isOurs && !event.isCounted && tells.has(record.type)) {
      event.isCounted = true;
      lose('assemblyOverflow', 1);
    }
    return true;
  }

  private release(): void {
    for (;;) {
      const oldest = this.order[this.head];
      if (oldest === undefined) break;
      const { event, record } = oldest;
      if (isLast(event, record)) {
        const isPatient = this.seen - record < patienceRecords && this.characters <= mostCharacters;
        if (isPatient && !event.isWhole) break;
        this.tell(event);
      }
      this.head++;
    }
    if (this.head > 1024 && this.head * 2 > this.order.length) {
      this.order.splice(0, this.head);
      this.head = 0;
    }
  }

  private tell(event: Open): void {
    const { node, told, onEvent, lose } = this.options;
    this.open.delete(event.id);
    event.isTold = true;
    this.characters -= event.characters;
    const { id, records, fingerprints, isCut, passedMs } = event;
    const [first] = records;
    if (first === undefined) return;
    const isOurs = expectsOf(records) !== 'nothing' || records.some(({ type }) => tells.has(type));
    told.add(node, id, { records: fingerprints, isOurs });
    const { serial, timeMs } = first;
    const whole = { id, serial, timeMs, records, complete: !isCut };
    if (lacksCall(whole) && this.others.get(id) === undefined) lose('recordsMissing', 1);
    onEvent(whole, passedMs);
  }
}

/** As far as records of one event stand apart when thousands of processes write at once. */
const patienceRecords = 4096;
const mostCharacters = 4 * 1024 * 1024;

function isLast(event: Open, record: number): boolean {
  return !event.isTold && event.lastRecord === record;
}

/** Records that say something of a program or a connection. */
const tells: ReadonlySet<number> = new Set([
  auditTypes.execve,
  auditTypes.sockaddr,
  auditTypes.socketcall,
]);

function beginsAnother({ records }: Open, record: AuditRecord): boolean {
  if (standsAlone(record.type)) return true;
  return (
    record.type === auditTypes.syscall && records.some(({ type }) => type === auditTypes.syscall)
  );
}
