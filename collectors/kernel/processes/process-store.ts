import type { Clock } from '../../../base/clock.js';
import {
  type Execution,
  ProcessRecord,
  type Program,
  type ProgramFacts,
} from './process-record.js';

const mostLiving = 16_384;
const mostEnded = 4096;
/** Programs of which the process has executed another one since. */
const mostPast = 8192;
const mostPastOfOne = 16;
/** So long an event may be late that asks for the past. */
const pastRememberedMs = 60_000;
const expireEveryMs = 5_000;
/** Of what is bounded, so much is kept when it is over the bound. */
const keptShare = 7 / 8;
const mostBytes = 8 * 1024 * 1024;
/** Characters of one command line. */
const longestArgv = 16_384;
const recordBytes = 300;
const executionBytes = 150;
const mostWaiting = 4096;
/** Nobody who waits for a program is that patient. */
const longestWaitMs = 5_000;

/**
 * The memory of the process table.
 *
 * 1. Remembered are up to 16,384 living processes, 4,096 that ended, and 8,192 programs that a process ran before its
 *    present one, 16 of one process at most; what is past is forgotten after a minute.
 * 2. Entries and bytes (8 MiB, estimated) are bounded: over the bound what is past goes first, then the living, each the
 *    oldest first.
 * 3. A text that several processes share is counted once and freed with the last of them.
 */
export class ProcessStore {
  private readonly livingByPid = new Map<number, ProcessRecord>();
  /** Those that had the pid, in the order of their ends. */
  private readonly endedByPid = new Map<number, ProcessRecord[]>();
  /** In the order of their ends. */
  private readonly endedRecords = new Set<ProcessRecord>();
  /** In the order in which they were replaced. */
  private readonly past = new Map<
    Execution,
    { readonly record: ProcessRecord; readonly sinceMs: number }
  >();
  /** Who waited for a program that was told a moment ago. */
  private readonly due: Program['waiting'] = [];
  private sizeBytes = 0;
  /** When the past was last looked through, wall clock. */
  private expiredMs = 0;

  constructor(private readonly clock: Clock) {}

  /** Estimated bytes of memory. */
  get bytes(): number {
    return this.sizeBytes;
  }

  /** Processes and past programs. */
  get entries(): number {
    return this.livingByPid.size + this.endedRecords.size + this.past.size;
  }

  living(pid: number): ProcessRecord | undefined {
    return this.livingByPid.get(pid);
  }

  /** The last that had the pid and ended. */
  ended(pid: number): ProcessRecord | undefined {
    return this.endedByPid.get(pid)?.at(-1);
  }

  /** All that had the pid and are remembered, the latest first. */
  all(pid: number): readonly ProcessRecord[] {
    const living = this.livingByPid.get(pid);
    const ended = this.endedByPid.get(pid)?.toReversed() ?? [];
    return living === undefined ? ended : [living, ...ended];
  }

  livingPids(): number[] {
    return [...this.livingByPid.keys()];
  }

  /** A process that began; another one that still had its pid ended without a word. */
  begin(
    pid: number,
    parentPid: number | undefined,
    startedMs: number,
    program: Program,
    kernel = false,
  ): ProcessRecord {
    if (this.livingByPid.has(pid)) this.end(pid, startedMs);
    const record = new ProcessRecord(pid, parentPid, startedMs, program, kernel);
    this.hold(program);
    this.livingByPid.set(pid, record);
    this.sizeBytes += recordBytes + executionBytes;
    this.keepBounds();
    return record;
  }

  end(pid: number, endedMs: number): ProcessRecord | undefined {
    const record = this.livingByPid.get(pid);
    if (record === undefined) return undefined;
    this.livingByPid.delete(pid);
    record.endedMs = endedMs;
    this.endedByPid.set(pid, [...(this.endedByPid.get(pid) ?? []), record]);
    this.endedRecords.add(record);
    this.keepBounds();
    return record;
  }

  newProgram(facts?: ProgramFacts): Program {
    const program: Program = { facts: undefined, waiting: [], holders: 0, sizeBytes: 0 };
    if (facts !== undefined) this.tell(program, facts);
    return program;
  }

  /** The process executed this program, after all that is known unless a place in its executions is given. */
  execute(
    record: ProcessRecord,
    program: Program,
    known: Partial<Omit<Execution, 'program'>> = {},
    place = record.executions.length,
  ): Execution {
    const nowMs = this.clock.wallMs();
    const [announced, owed, serial, read] = [true, false, undefined, undefined];
    const execution = { program, sinceMs: nowMs, announced, owed, serial, read, ...known };
    this.hold(program);
    this.sizeBytes += executionBytes;
    const replaced = place === record.executions.length ? record.current : execution;
    record.executions.splice(place, 0, execution);
    record.kernel = false;
    this.past.set(replaced, { record, sinceMs: nowMs });
    const [oldest] = record.executions;
    if (record.executions.length > mostPastOfOne && oldest !== undefined) this.forgetPast(oldest);
    this.keepBounds();
    return execution;
  }

  /** What the execution ran turns out to be that program. */
  replace(execution: Execution, program: Program): void {
    this.hold(program);
    this.release(execution.program);
    execution.program = program;
  }

  tell(program: Program, facts: ProgramFacts): void {
    const kept = withinBounds(facts);
    const sizeBytes = textBytes(kept);
    if (program.holders > 0) this.sizeBytes += sizeBytes - program.sizeBytes;
    program.sizeBytes = sizeBytes;
    program.facts = kept;
    if (program.waiting.length > 0) this.callSoon(program.waiting.splice(0));
    this.keepBounds();
  }

  /**
   * Calls back when the facts of the program are told, at once when they are, or when they are waited for too long or by
   * too many: a source may never tell them, and a process may fork as long as it lives.
   */
  onTold(program: Program, listener: () => void): void {
    if (program.facts !== undefined) {
      listener();
      return;
    }
    const nowMs = this.clock.monotonicMs();
    const { waiting } = program;
    const isPast = (): boolean =>
      waiting.length >= mostWaiting || (waiting[0]?.sinceMs ?? nowMs) < nowMs - longestWaitMs;
    while (isPast()) waiting.shift()?.listener();
    waiting.push({ sinceMs: nowMs, listener });
  }

  /** Not at once: who tells the facts has more to put in order, such as the container. */
  private callSoon(waiting: Program['waiting']): void {
    if (this.due.length === 0)
      queueMicrotask(() => {
        for (const { listener } of this.due.splice(0)) listener();
      });
    this.due.push(...waiting);
  }

  private hold(program: Program): void {
    if (program.holders === 0) this.sizeBytes += program.sizeBytes;
    program.holders++;
  }

  private release(program: Program): void {
    program.holders--;
    if (program.holders === 0) this.sizeBytes -= program.sizeBytes;
  }

  /** Looks at many at a time: walking a map from its start costs a step for each entry that was deleted there. */
  private keepBounds(): void {
    const nowMs = this.clock.wallMs();
    const { endedRecords, livingByPid, past } = this;
    const over =
      endedRecords.size > mostEnded ||
      past.size > mostPast ||
      livingByPid.size > mostLiving ||
      this.sizeBytes > mostBytes;
    if (!over && Math.abs(nowMs - this.expiredMs) < expireEveryMs) return;
    this.expiredMs = nowMs;
    const share = over ? keptShare : 1;
    const isKept = (sinceMs: number, count: number, most: number): boolean =>
      sinceMs >= nowMs - pastRememberedMs &&
      count <= most * share &&
      this.sizeBytes <= mostBytes * share;
    for (const [execution, { sinceMs }] of past) {
      if (isKept(sinceMs, past.size, mostPast)) break;
      this.forgetPast(execution);
    }
    for (const record of endedRecords) {
      if (isKept(record.endedMs ?? 0, endedRecords.size, mostEnded)) break;
      this.forgetEnded(record);
    }
    for (const record of livingByPid.values()) {
      if (livingByPid.size <= mostLiving * share && this.sizeBytes <= mostBytes * share) break;
      livingByPid.delete(record.pid);
      this.free(record);
    }
  }

  private forgetPast(execution: Execution): void {
    const record = this.past.get(execution)?.record;
    this.past.delete(execution);
    if (record === undefined) return;
    record.shortened = true;
    record.executions.splice(record.executions.indexOf(execution), 1);
    this.sizeBytes -= executionBytes;
    this.release(execution.program);
  }

  private forgetEnded(record: ProcessRecord): void {
    this.endedRecords.delete(record);
    const others = this.endedByPid.get(record.pid)?.filter((other) => other !== record) ?? [];
    if (others.length > 0) this.endedByPid.set(record.pid, others);
    else this.endedByPid.delete(record.pid);
    this.free(record);
  }

  private free({ executions }: ProcessRecord): void {
    this.sizeBytes -= recordBytes;
    for (const execution of executions) {
      this.past.delete(execution);
      this.sizeBytes -= executionBytes;
      this.release(execution.program);
    }
  }
}

function textBytes({ executable = '', executedPath = '', argv = [] }: ProgramFacts): number {
  let characters = executable.length + executedPath.length;
  for (const argument of argv) characters += argument.length + 8;
  return 2 * characters;
}

/** Keeps whole arguments only: a secret of which the end is missing may not be recognised any more. */
function withinBounds(facts: ProgramFacts): ProgramFacts {
  const { executable, executedPath, argv, argvComplete, realUid, audited } = facts;
  let [room, kept] = [longestArgv, 0];
  for (const argument of argv ?? []) {
    room -= argument.length + 1;
    if (room < 0) break;
    kept++;
  }
  const whole = argvComplete !== false && kept === (argv?.length ?? 0);
  return {
    ...(executable !== undefined && { executable }),
    ...(executedPath !== undefined && { executedPath }),
    ...(argv !== undefined && { argv: kept === argv.length ? argv : argv.slice(0, kept) }),
    ...(!whole && { argvComplete: false }),
    ...(realUid !== undefined && { realUid }),
    ...(audited === true && { audited }),
  };
}
