import type { Clock } from '../../../base/clock.js';
import type { Paths } from '../paths.js';
import {
  exiting,
  kernelThread,
  type ProcessStat,
  readCgroups,
  readProcess,
  readStat,
} from './proc.js';
import { type ProgramFacts, slackMs } from './process-record.js';

/** A process as /proc shows it now. */
export interface PresentProcess {
  readonly parentPid: number;
  /** Wall clock, milliseconds since the epoch; a tick of 10 ms may be missing. */
  readonly startedMs: number;
  /** A thread of the kernel, which runs no program. */
  readonly kernel: boolean;
  readonly facts: ProgramFacts;
}

interface PresentProcessesOptions {
  readonly paths: Paths;
  readonly clock: Clock;
  /** Time since boot, suspended time included, as the start times of /proc count it. */
  readonly uptimeMs: () => number;
}

/** USER_HZ of the kernel's interface is 100 on every architecture that Node runs on. */
const msPerTick = 10;

/** Reads processes together with when they started; undefined for one that is gone. */
export class PresentProcesses {
  constructor(private readonly options: PresentProcessesOptions) {}

  startedMs(pid: number): number | undefined {
    const stat = readStat(this.options.paths, pid);
    return stat && this.wallOf(stat);
  }

  read(pid: number): PresentProcess | undefined {
    const facts = readProcess(this.options.paths, pid);
    return facts && this.present(facts, facts);
  }

  /** The control groups of the process that started then at the latest, and whether it was ending when they were read. */
  controlGroups(pid: number, startedMs: number): { text: string; ending: boolean } | undefined {
    const { paths } = this.options;
    const text = readCgroups(paths, pid);
    const stat = text === undefined ? undefined : readStat(paths, pid);
    if (text === undefined || stat === undefined) return undefined;
    if (this.wallOf(stat) > startedMs + slackMs) return undefined;
    return { text, ending: (stat.flags & exiting) !== 0 };
  }

  private present(stat: ProcessStat, facts: ProgramFacts): PresentProcess {
    const kernel = (stat.flags & kernelThread) !== 0;
    return { parentPid: stat.parentPid, startedMs: this.wallOf(stat), kernel, facts };
  }

  private wallOf({ startTicks }: ProcessStat): number {
    const { clock, uptimeMs } = this.options;
    return clock.wallMs() - uptimeMs() + startTicks * msPerTick;
  }
}
