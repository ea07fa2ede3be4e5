import { BoundedMap } from '../../../base/bounded-map.js';
import type { Host } from '../../interface/host.js';
import { readProcess } from '../../kernel/processes/proc.js';
import type { ProcessEvent } from '../../kernel/processes/proc-connector-messages.js';
import { readErrorMs } from '../../kernel/processes/process-record.js';
import { goneProgram, programOfProcess, type StartedProgram } from './program.js';

/** So many forks are remembered, to know the parent of a process that is gone. */
const rememberedForks = 4096;

interface Started {
  readonly pid: number;
  readonly timeMs: number;
  readonly forkedBy: number | undefined;
  /** What /proc told, and until when it was read. */
  program: StartedProgram | undefined;
  readonly readMs: number;
}

/**
 * The programs behind the kernel's process events, of which /proc tells the rest.
 *
 * 1. Each execution is told once, in the order of the events.
 * 2. What was read of /proc is told of an execution only when the process executed nothing else until it was read:
 *    otherwise it may be that of the next one.
 */
export class ConnectorPrograms {
  private readonly parents = new BoundedMap<number, number>(rememberedForks);
  private started: Started[] = [];

  constructor(
    private readonly host: Pick<Host, 'paths' | 'processEvents' | 'clock'>,
    private readonly onProgram: (program: StartedProgram) => void,
  ) {}

  take(event: ProcessEvent): void {
    if (event.kind === 'fork') this.forked(event.pid, event.parentPid);
    if (event.kind === 'exec') this.executed(event.pid, event.timeMs);
  }

  /** Tells all that was executed. */
  end(): void {
    this.host.processEvents.catchUp?.();
    this.tell(this.started.length);
  }

  /** What a process did while it was read is known when its events are taken; those of a storm take further turns. */
  private settle(): void {
    const settled = this.started.length;
    this.host.processEvents.catchUp?.();
    this.tell(settled);
    if (this.started.length > 0) setImmediate(() => this.settle());
  }

  private tell(count: number): void {
    for (const { pid, timeMs, forkedBy, program } of this.started.splice(0, count)) {
      this.onProgram(program ?? goneProgram(pid, forkedBy, timeMs));
    }
  }

  private forked(pid: number, parentPid: number): void {
    this.parents.set(pid, parentPid);
  }

  private executed(pid: number, timeMs: number): void {
    for (const before of this.started) {
      if (before.pid === pid && timeMs <= before.readMs + readErrorMs) before.program = undefined;
    }
    const facts = readProcess(this.host.paths, pid);
    // As soon as all events that have come are taken.
    if (this.started.length === 0) queueMicrotask(() => this.settle());
    const program = facts && programOfProcess(facts, timeMs);
    this.started.push({
      pid,
      timeMs,
      forkedBy: this.parents.get(pid),
      program,
      readMs: this.nowMs(),
    });
  }

  private nowMs(): number {
    const { clock, processEvents } = this.host;
    return processEvents.nowMs?.() ?? clock.wallMs();
  }
}
