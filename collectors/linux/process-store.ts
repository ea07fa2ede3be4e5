import type { Clock } from '../clock.js';

/** What is known of a program that a process executed; whatever is absent could not be known. */
export interface ProgramFacts {
  readonly executable?: string;
  readonly argv?: readonly string[];
  /** False when arguments are missing in `argv`. */
  readonly argvComplete?: boolean;
  readonly realUid?: number;
  /** True when they are those of the kernel's own record of the execution, which no process can change. */
  readonly audited?: boolean;
}

/** One execution: shared by the process that executed it and those that were forked from that since. */
export interface Program {
  /** Undefined until a source tells them. */
  facts: ProgramFacts | undefined;
  /** False while the command line was not looked for. */
  whole: boolean;
  /** Who waits for the facts, the longest first. */
  readonly waiting: { readonly sinceMs: number; readonly resolve: () => void }[];
  holders: number;
  sizeBytes: number;
}

export interface ProcessRecord {
  readonly pid: number;
  parentPid: number | undefined;
  /** When it started, wall clock; when it was first heard of, where the start itself was not seen. */
  startedMs: number;
  endedMs: number | undefined;
  program: Program;
  /** Executions that the process events announced and no source has told yet, in order. */
  readonly untold: Program[];
  /** Executions that a source told before the process events announced them, and when the last of them was. */
  unannounced: number;
  toldMs: number;
  /** Has, or may have, more than one thread. */
  threaded: boolean;
  /** A thread of the kernel, which runs no program. */
  kernel: boolean;
}

const mostLiving = 16_384;
const mostEnded = 4096;
const endedRememberedMs = 60_000;
const expireEveryMs = 5_000;
/** Of what is bounded, so much is kept when it is over the bound. */
const keptShare = 7 / 8;
const mostBytes = 8 * 1024 * 1024;
/** Characters of one command line. */
const longestArgv = 16_384;
const entryBytes = 200;
const mostWaiting = 4096;
/** Nobody who waits for a program is that patient. */
const longestWaitMs = 5_000;

/**
 * The memory of the process table.
 *
 * 1. Of each pid at most one living and one ended process, the last, are remembered.
 * 2. Entries and bytes are bounded: over the bound the ended go first, then the living, each the oldest first.
 * 3. A text that several processes share is counted once and freed with the last of them.
 */
export class ProcessStore {
  private readonly livingByPid = new Map<number, ProcessRecord>();
  /** In the order of their ends. */
  private readonly endedByPid = new Map<number, ProcessRecord>();
  private sizeBytes = 0;
  /** When the ended were last looked through, wall clock. */
  private expiredMs = 0;

  constructor(private readonly clock: Clock) {}

  /** Estimated bytes of memory. */
  get bytes(): number {
    return this.sizeBytes;
  }

  get entries(): number {
    return this.livingByPid.size + this.endedByPid.size;
  }

  living(pid: number): ProcessRecord | undefined {
    return this.livingByPid.get(pid);
  }

  ended(pid: number): ProcessRecord | undefined {
    return this.endedByPid.get(pid);
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
    const record: ProcessRecord = {
      pid,
      parentPid,
      startedMs,
      endedMs: undefined,
      program,
      untold: [],
      unannounced: 0,
      toldMs: 0,
      // Of one whose fork was not seen, threads may have been missed as well.
      threaded: true,
      kernel,
    };
    this.hold(program);
    this.livingByPid.set(pid, record);
    this.sizeBytes += entryBytes;
    this.keepBounds();
    return record;
  }

  end(pid: number, endedMs: number): ProcessRecord | undefined {
    const record = this.livingByPid.get(pid);
    if (record === undefined) return undefined;
    this.livingByPid.delete(pid);
    this.forget(this.endedByPid, pid);
    record.endedMs = endedMs;
    this.endedByPid.set(pid, record);
    this.keepBounds();
    return record;
  }

  newProgram(facts?: ProgramFacts, whole = true): Program {
    const program: Program = { facts: undefined, whole, waiting: [], holders: 0, sizeBytes: 0 };
    if (facts !== undefined) this.tell(program, facts, whole);
    return program;
  }

  /** The process runs this program from now on. */
  execute(record: ProcessRecord, program: Program): void {
    this.hold(program);
    this.release(record.program);
    record.program = program;
    record.kernel = false;
  }

  tell(program: Program, facts: ProgramFacts, whole = true): void {
    const kept = withinBounds(facts);
    const sizeBytes = textBytes(kept);
    if (program.holders > 0) this.sizeBytes += sizeBytes - program.sizeBytes;
    program.sizeBytes = sizeBytes;
    program.facts = kept;
    program.whole = whole;
    for (const { resolve } of program.waiting.splice(0)) resolve();
    this.keepBounds();
  }

  /**
   * Resolves when the facts of the program are told, or are waited for too long or by too many: a source may never tell
   * them, and a process may fork as long as it lives.
   */
  told(program: Program): Promise<void> {
    if (program.facts !== undefined) return Promise.resolve();
    const nowMs = this.clock.monotonicMs();
    const { waiting } = program;
    const isPast = (): boolean =>
      waiting.length >= mostWaiting || (waiting[0]?.sinceMs ?? nowMs) < nowMs - longestWaitMs;
    while (isPast()) waiting.shift()?.resolve();
    return new Promise((resolve) => waiting.push({ sinceMs: nowMs, resolve }));
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
    const { endedByPid, livingByPid } = this;
    const over =
      endedByPid.size > mostEnded || livingByPid.size > mostLiving || this.sizeBytes > mostBytes;
    if (!over && Math.abs(nowMs - this.expiredMs) < expireEveryMs) return;
    this.expiredMs = nowMs;
    const share = over ? keptShare : 1;
    for (const [pid, { endedMs = 0 }] of endedByPid) {
      const kept = endedMs >= nowMs - endedRememberedMs && endedByPid.size <= mostEnded * share;
      if (kept && this.sizeBytes <= mostBytes * share) break;
      this.forget(endedByPid, pid);
    }
    for (const pid of livingByPid.keys()) {
      if (livingByPid.size <= mostLiving * share && this.sizeBytes <= mostBytes * share) break;
      this.forget(livingByPid, pid);
    }
  }

  private forget(records: Map<number, ProcessRecord>, pid: number): void {
    const record = records.get(pid);
    if (record === undefined) return;
    records.delete(pid);
    this.sizeBytes -= entryBytes;
    this.release(record.program);
  }
}

function textBytes({ executable = '', argv = [] }: ProgramFacts): number {
  let characters = executable.length;
  for (const argument of argv) characters += argument.length + 8;
  return 2 * characters;
}

/** Keeps whole arguments only: a secret of which the end is missing may not be recognised any more. */
function withinBounds(facts: ProgramFacts): ProgramFacts {
  const { executable, argv, argvComplete, realUid, audited } = facts;
  let [room, kept] = [longestArgv, 0];
  for (const argument of argv ?? []) {
    room -= argument.length + 1;
    if (room < 0) break;
    kept++;
  }
  const whole = argvComplete !== false && kept === (argv?.length ?? 0);
  return {
    ...(executable !== undefined && { executable }),
    ...(argv !== undefined && { argv: kept === argv.length ? argv : argv.slice(0, kept) }),
    ...(!whole && { argvComplete: false }),
    ...(realUid !== undefined && { realUid }),
    ...(audited === true && { audited }),
  };
}
