import { BoundedMap } from '../../../base/bounded-map.js';
import type { LoginFacts } from './facts.js';
import { JournalProcesses } from './journal-processes.js';
import type { LoginMessage } from './messages.js';

export interface JournalLoginsOptions {
  readonly onLogin: (facts: LoginFacts) => void;
  /** The port here of a connection, while it is known. */
  readonly localPortOf: (message: LoginMessage) => string | undefined;
  /** When the process that has a pid now started, in clock ticks since boot; undefined when there is none. */
  readonly startTicksOf: (pid: number) => number | undefined;
}

/** A verdict that is not told yet, because more may be said about the same attempt. */
interface Waiting {
  readonly facts: LoginFacts;
  readonly kind: 'success' | 'suspicion' | 'refusal';
  /** The program itself spoke, not only PAM. */
  readonly confirmed: boolean;
  readonly dueMs: number;
}

/**
 * Makes one event of the messages that the programs and PAM write to the journal of one attempt to log in.
 *
 * 1. Each verdict of a program is one event. A suspicion that PAM or sshd's PAM voices waits for it, and is told alone
 *    when none comes.
 * 2. Refusals (unknown name, a key) belong to the verdict of the same process that follows; without one they are a
 *    failure, one for the connection, told at its end.
 * 3. A success waits a moment for its uid and its session.
 * 4. A session without a verdict before is a login where the program gives none (login, su, display managers).
 * 5. A pid names a process only as long as that lives: of another one that has it since, nothing before is meant.
 * 6. What is remembered is bounded; an attempt that has to make room is told early, not lost.
 */
export class JournalLogins {
  private readonly waiting = new BoundedMap<number, Waiting>(mostRemembered, (oldest, pid) =>
    this.tellWaiting(pid, oldest),
  );
  private readonly sessions = new BoundedMap<number, LoginFacts>(mostRemembered);
  /** Processes of which a failure was told. */
  private readonly failures = new BoundedMap<number, LoginFacts>(mostRemembered);
  private readonly processes: JournalProcesses;
  private nowMs = 0;

  constructor(private readonly options: JournalLoginsOptions) {
    this.processes = new JournalProcesses(options.startTicksOf);
  }

  /** `nowMs` comes from a monotonic clock. */
  take(message: LoginMessage, nowMs: number): void {
    this.nowMs = nowMs;
    if (this.processes.isAnother(message)) this.ended(message.pid);
    const facts = this.factsOf(message);
    const waiting = this.waiting.get(message.pid);
    switch (message.kind) {
      case 'accepted':
        this.forget(message.pid);
        this.wait(message, merge(waiting, facts), 'success', sessionPatienceMs);
        return;
      case 'opened':
        this.opened(message, facts, waiting);
        return;
      case 'session':
        this.named(message, waiting);
        return;
      case 'closed':
        this.closed(message, waiting);
        return;
      case 'failed':
        this.waiting.delete(message.pid);
        this.fail(merge(waiting, facts));
        return;
      case 'suspected':
        if (waiting?.confirmed === true && waiting.kind === 'suspicion')
          this.tellWaiting(message.pid, waiting);
        this.wait(message, merge(this.waiting.get(message.pid), facts), 'suspicion', verdictMs);
        return;
      case 'refused':
        this.refused(message, facts, waiting);
        return;
      case 'ended':
        if (waiting !== undefined) this.tellWaiting(message.pid, waiting);
        else if (message.userName !== undefined && !this.failures.has(message.pid))
          this.fail({ ...facts, refusals: 1 });
        this.failures.delete(message.pid);
        return;
    }
  }

  /** Tells the attempts that waited long enough; returns in how many milliseconds to call again, if at all. */
  expire(nowMs: number): number | undefined {
    this.nowMs = nowMs;
    let nextMs: number | undefined;
    for (const [pid, waiting] of this.waiting) {
      const remainingMs = waiting.dueMs - nowMs;
      if (remainingMs <= 0) this.tellWaiting(pid, waiting);
      else nextMs = Math.min(nextMs ?? remainingMs, remainingMs);
    }
    return nextMs;
  }

  /** Tells everything that waits, for the end of the stream. */
  flush(): void {
    for (const [pid, waiting] of this.waiting) this.tellWaiting(pid, waiting);
  }

  private opened(message: LoginMessage, facts: LoginFacts, waiting: Waiting | undefined): void {
    if (waiting?.kind === 'success') {
      const operation = waiting.facts.operation;
      this.waiting.set(message.pid, { ...waiting, facts: { ...merge(waiting, facts), operation } });
      return;
    }
    // A failure that PAM only suspected was outdone by another of its modules.
    const known = this.sessions.get(message.pid);
    if (known !== undefined) {
      if (known.userName === message.userName || message.program === 'sshd') return;
      this.forget(message.pid);
    }
    this.waiting.delete(message.pid);
    this.wait(message, facts, 'success', sessionPatienceMs);
  }

  private named({ pid, sessionId }: LoginMessage, waiting: Waiting | undefined): void {
    if (sessionId === undefined) return;
    if (waiting?.kind === 'success')
      this.tellWaiting(pid, { ...waiting, facts: { ...waiting.facts, sessionId } });
    else {
      const session = this.sessions.get(pid);
      if (session !== undefined) this.sessions.set(pid, { ...session, sessionId });
    }
  }

  private closed(message: LoginMessage, waiting: Waiting | undefined): void {
    if (waiting?.kind === 'success') this.tellWaiting(message.pid, waiting);
    const session = this.sessions.get(message.pid);
    this.forget(message.pid);
    const { timeMs } = message;
    this.options.onLogin({
      ...this.factsOf(message),
      ...session,
      timeMs,
      succeeded: true,
      operation: 'logout',
      ...(session && { sessionMs: Math.max(0, timeMs - session.timeMs) }),
    });
  }

  private refused(message: LoginMessage, facts: LoginFacts, waiting: Waiting | undefined): void {
    if (waiting?.kind === 'success') return;
    if (waiting?.kind === 'suspicion') {
      this.waiting.set(message.pid, { ...waiting, facts: merge(waiting, facts) });
      return;
    }
    if (this.failures.has(message.pid)) return;
    const refusals = (waiting?.facts.refusals ?? 0) + 1;
    this.wait(message, { ...merge(waiting, facts), refusals }, 'refusal', graceMs);
  }

  private factsOf(message: LoginMessage): LoginFacts {
    const { kind, ...said } = message;
    const localPort =
      message.remoteAddress === undefined ? undefined : this.options.localPortOf(message);
    return {
      ...said,
      succeeded: !['failed', 'suspected', 'refused', 'ended'].includes(kind),
      ...(localPort !== undefined && { localPort }),
    };
  }

  private wait(
    message: LoginMessage,
    facts: LoginFacts,
    kind: Waiting['kind'],
    forMs: number,
  ): void {
    const confirmed = !facts.operation.startsWith('PAM:');
    this.waiting.set(message.pid, { facts, kind, confirmed, dueMs: this.nowMs + forMs });
  }

  private tellWaiting(pid: number, { facts, kind }: Waiting): void {
    this.waiting.delete(pid);
    if (kind !== 'success') {
      this.fail(facts);
      return;
    }
    this.sessions.set(pid, facts);
    this.options.onLogin(facts);
  }

  private fail(facts: LoginFacts): void {
    this.failures.set(facts.pid, facts);
    this.options.onLogin({ ...facts, succeeded: false });
  }

  /** Nothing more comes of what is known of the pid. */
  private ended(pid: number): void {
    const waiting = this.waiting.get(pid);
    if (waiting !== undefined) this.tellWaiting(pid, waiting);
    this.forget(pid);
  }

  private forget(pid: number): void {
    this.sessions.delete(pid);
    this.failures.delete(pid);
  }
}

/** logind tells a session within milliseconds; journald hands messages on every quarter of a second. */
const sessionPatienceMs = 1000;
/** The program repeats what PAM said after PAM's delay, two seconds on average. */
const verdictMs = 5000;
/** sshd ends a connection without a login after two minutes (LoginGraceTime). */
const graceMs = 125_000;
const mostRemembered = 4096;

/** What was said later about the same attempt wins, but for what only its beginning told. */
function merge(waiting: Waiting | undefined, facts: LoginFacts): LoginFacts {
  if (waiting === undefined) return facts;
  return { ...waiting.facts, ...facts };
}
