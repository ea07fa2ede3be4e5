import type { Clock } from '../../../base/clock.js';
import type { Paths } from '../paths.js';
import type { PresentProcess, PresentProcesses } from './present-processes.js';
import type { ProcessContainers } from './process-containers.js';
import { listPids } from './proc.js';
import type { ProcessEvents } from './proc-connector.js';
import { type Execution, type ProcessRecord, slackMs } from './process-record.js';
import type { ProcessStore } from './process-store.js';

interface ProcessLooksOptions {
  readonly paths: Paths;
  readonly clock: Clock;
  readonly store: ProcessStore;
  readonly present: PresentProcesses;
  readonly containers: ProcessContainers;
  readonly events: ProcessEvents;
  /** Whether a source tells every execution. */
  readonly isFed: () => boolean;
}

/** What /proc says of processes, taken over into the memory of the process table. */
export class ProcessLooks {
  private readonly store: ProcessStore;
  private readonly present: PresentProcesses;

  constructor(private readonly options: ProcessLooksOptions) {
    this.store = options.store;
    this.present = options.present;
  }

  /** Takes over what runs already: when it ends, or executes something else, its program can no longer be read. */
  all(): void {
    const { clock, paths } = this.options;
    const pids = new Set(listPids(paths));
    for (const pid of this.store.livingPids()) {
      if (!pids.has(pid)) this.store.end(pid, clock.wallMs());
    }
    for (const pid of pids) {
      const known = this.store.living(pid);
      const fromMs = this.nowMs();
      const startedMs = known && this.present.startedMs(pid);
      if (known !== undefined && Math.abs(known.startedMs - (startedMs ?? 0)) <= slackMs) {
        // What was told and not announced never will be: its announcement was lost, or nobody followed then.
        for (const execution of known.executions) execution.announced = true;
        this.lookAgainAt(known);
        continue;
      }
      const found = this.present.read(pid);
      if (found === undefined) continue;
      this.takeOver(pid, found, fromMs).found = true;
    }
  }

  /** The announcement of what it runs may have been lost, and where nobody tells executions, so are they. */
  private lookAgainAt(record: ProcessRecord): void {
    this.options.containers.look(record);
    const { facts } = record.program;
    if (facts === undefined) this.read(record, record.current);
    if (facts === undefined || this.options.isFed()) return;
    const fromMs = this.nowMs();
    const found = this.present.read(record.pid);
    if (found === undefined || found.facts.executable === facts.executable) return;
    const execution = this.store.execute(record, this.store.newProgram(found.facts), {
      sinceMs: fromMs,
    });
    execution.read = this.readSince(fromMs, execution);
  }

  /** A process of which /proc tells, read since `fromMs`. */
  private takeOver(pid: number, found: PresentProcess, fromMs: number): ProcessRecord {
    const { facts, kernel, parentPid, startedMs } = found;
    const program = this.store.newProgram(facts);
    const record = this.store.begin(pid, parentPid, startedMs, program, kernel);
    record.current.read = this.readSince(fromMs, record.current);
    if (!kernel) this.options.containers.look(record);
    return record;
  }

  /** Reads a process that the table does not know; one that started after `atMs` is another. */
  readLiving(pid: number, atMs: number): ProcessRecord | undefined {
    const fromMs = this.nowMs();
    const found = this.present.read(pid);
    if (found === undefined || found.startedMs > atMs + slackMs) return undefined;
    const record = this.takeOver(pid, found, fromMs);
    this.catchUp();
    return record;
  }

  /** Reads what the process runs, which is this execution as far as is known; `announced` corrects it otherwise. */
  read(record: ProcessRecord, execution: Execution): void {
    const fromMs = this.nowMs();
    const found = this.present.read(record.pid);
    if (found === undefined || found.startedMs > record.startedMs + slackMs) return;
    // What a child says of itself need not hold for its parent, though they run the same program.
    const isInherited = record.forkSeen && execution === record.executions[0];
    if (isInherited) this.store.replace(execution, this.store.newProgram(found.facts));
    else this.store.tell(execution.program, found.facts);
    execution.read = this.readSince(fromMs, execution);
    this.catchUp();
  }

  private readSince(fromMs: number, { program }: Execution): Execution['read'] {
    return { fromMs, toMs: this.nowMs(), facts: program.facts ?? {} };
  }

  /** Takes the process events that have come and were not read; nothing while one is being taken. */
  catchUp(): void {
    this.options.events.catchUp?.();
  }

  private nowMs(): number {
    return this.options.events.nowMs?.() ?? this.options.clock.wallMs();
  }
}
