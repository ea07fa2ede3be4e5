import { BoundedMap } from '../../../base/bounded-map.js';
import type { LoginMessage } from './messages.js';

/** What tells one process from another that had the same pid; what is absent is not known. */
interface Identity {
  /** When it started, in clock ticks since boot. */
  readonly startTicks: number | undefined;
  /** The port of the one client that a process of sshd or dropbear serves. */
  readonly remotePort: string | undefined;
  /** Undefined while only logind spoke of the process. */
  readonly program: string | undefined;
}

const mostRemembered = 4096;

/**
 * Tells when a pid that the journal names is another process than before: the kernel gives pids again.
 *
 * 1. Where the starts of both are known they decide. A process that ended before its message was read has none that can
 *    be known; then another client, or another program, is another process.
 * 2. What is not known is no difference.
 * 3. What is remembered is bounded; the pid that was silent longest is forgotten first.
 */
export class JournalProcesses {
  private readonly known = new BoundedMap<number, Identity>(mostRemembered);

  /** @param startTicksOf the start of the process that has this pid now; undefined when there is none */
  constructor(private readonly startTicksOf: (pid: number) => number | undefined) {}

  /** Whether the message is of another process than those of its pid before. */
  isAnother({ pid, program, remotePort }: LoginMessage): boolean {
    const before = this.known.get(pid);
    const now: Identity = {
      startTicks: this.startTicksOf(pid),
      remotePort,
      program: program === 'systemd-logind' ? undefined : program,
    };
    const another = before !== undefined && isDifferent(before, now);
    this.known.set(pid, another || before === undefined ? now : completed(before, now));
    return another;
  }
}

function isDifferent(before: Identity, now: Identity): boolean {
  if (before.startTicks !== undefined && now.startTicks !== undefined)
    return before.startTicks !== now.startTicks;
  return differs(before.remotePort, now.remotePort) || differs(before.program, now.program);
}

function differs(before: string | undefined, now: string | undefined): boolean {
  return before !== undefined && now !== undefined && before !== now;
}

function completed(before: Identity, now: Identity): Identity {
  return {
    startTicks: before.startTicks ?? now.startTicks,
    remotePort: before.remotePort ?? now.remotePort,
    program: before.program ?? now.program,
  };
}
