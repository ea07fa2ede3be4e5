import { isPlaceholder, type LoginRecord } from './linux/audit/login-records.js';
import { LoginSessions } from './login-sessions.js';
import type { LoginOrigin } from './login-connections.js';
import type { LoginFacts } from './login-payload.js';

export interface LoginAttemptsOptions {
  readonly onLogin: (facts: LoginFacts) => void;
  /** Finds the ports of a connection that a record left out. */
  readonly portsOf?: (
    login: LoginOrigin,
  ) => { readonly remotePort: string; readonly localPort: string } | undefined;
}

/** A verdict that is known, while more may be said about the same attempt. */
interface Attempt {
  facts: LoginFacts;
  dueMs: number;
}

/**
 * Makes one event of the several records that the programs and PAM write of one attempt to log in.
 *
 * 1. Each verdict of PAM on a password is one event, and so is each session that needed none (a key): whatever else
 *    the same process, or another one for the same connection, says about it goes into that event.
 * 2. A failure that PAM pronounced is told at once. A refusal that only the program tells (a key, an unknown name) may
 *    be the beginning of an attempt that goes on, so it waits `patienceMs`, and several within it are one, with their
 *    number.
 * 3. A success is told when its session and terminal are known, at the latest after `patienceMs`.
 * 4. A logout is told for a login that was told, and for one before our time if it came from elsewhere or from login
 *    or su.
 * 5. Programs that only authenticate for something else (sudo, cron, the user's systemd) are no logins.
 * 6. What is remembered is bounded; an attempt that has to make room is told early, not lost.
 */
export class LoginAttempts {
  private readonly waiting = new Map<number, Attempt>();
  private readonly sessions = new LoginSessions();
  private nowMs = 0;

  constructor(private readonly options: LoginAttemptsOptions) {}

  /** `nowMs` comes from a monotonic clock. */
  push(record: LoginRecord, nowMs: number): void {
    this.nowMs = nowMs;
    this.sessions.expire(nowMs);
    if (isNoLogin(record)) return;
    if (record.station !== 'close') this.findPorts(record);
    switch (record.station) {
      case 'identified':
      case 'ports':
        this.sessions.learn(record, nowMs);
        return;
      case 'authentication':
        if (record.succeeded) this.authenticated(record);
        else if (isPam(record)) this.failed(record);
        else this.refused(record);
        return;
      case 'account':
        if (record.succeeded) this.addTo(record);
        else this.failed(record);
        return;
      case 'login':
        if (record.succeeded) this.loggedIn(record);
        else this.refused(record);
        return;
      case 'error':
        if (!record.succeeded && !this.waiting.has(record.pid)) this.refused(record);
        return;
      case 'open':
        if (record.succeeded) this.opened(record);
        else if (this.isAttempt(record)) this.failed(record);
        return;
      case 'close':
        if (record.succeeded) this.closed(record);
        return;
    }
  }

  /** Tells the attempts that waited long enough; returns in how many milliseconds to call again, if at all. */
  expire(nowMs: number): number | undefined {
    this.nowMs = nowMs;
    let nextMs: number | undefined;
    for (const [pid, attempt] of this.waiting) {
      const remainingMs = attempt.dueMs - nowMs;
      if (remainingMs <= 0) this.tellWaiting(pid, attempt);
      else nextMs = Math.min(nextMs ?? remainingMs, remainingMs);
    }
    return nextMs;
  }

  /** Tells everything that waits, for the end of the stream. */
  flush(): void {
    for (const [pid, attempt] of this.waiting) this.tellWaiting(pid, attempt);
  }

  private authenticated(record: LoginRecord): void {
    const waiting = this.waiting.get(record.pid);
    if (!isPam(record) && (waiting?.facts.succeeded === true || this.isOpen(record))) {
      this.addTo(record);
      return;
    }
    if (waiting?.facts.succeeded === true) this.tellWaiting(record.pid, waiting);
    this.sessions.begin(record.pid);
    this.wait(record, patienceMs);
  }

  private failed(record: LoginRecord): void {
    const accepted = this.takeAccepted(record);
    const refused = this.waiting.get(record.pid);
    this.waiting.delete(record.pid);
    this.sessions.failed(record, this.nowMs);
    const before = accepted ?? refused;
    const { operation } = record;
    this.tell({ ...merge(before?.facts, record), succeeded: false, operation, refusals: 0 });
  }

  private refused(record: LoginRecord): void {
    if (this.sessions.wasToldToFail(record, this.nowMs) || this.isOpen(record)) return;
    const waiting = this.waiting.get(record.pid);
    if (waiting?.facts.succeeded === true) this.failed(record);
    else this.wait(record, patienceMs);
  }

  private loggedIn(record: LoginRecord): void {
    if (this.isOpen(record)) return;
    this.wait(record, 0);
    this.expire(this.nowMs);
  }

  private opened(record: LoginRecord): void {
    if (!this.isAttempt(record) || this.isOpen(record)) return;
    const accepted = this.takeAccepted(record);
    if (accepted !== undefined) this.waiting.set(record.pid, accepted);
    this.wait(record, terminalPatienceMs);
  }

  private closed(record: LoginRecord): void {
    const waiting = this.waiting.get(record.pid);
    if (waiting?.facts.succeeded === true) this.tellWaiting(record.pid, waiting);
    if (!isPam(record)) return;
    const session = this.sessions.end(record);
    if (session === undefined && record.remoteAddress === undefined && !isLocalLogin(record))
      return;
    const { pid, timeMs } = record;
    const facts = merge(session, record);
    this.options.onLogin({
      ...facts,
      pid,
      timeMs,
      succeeded: true,
      operation: 'logout',
      ...(session && { sessionMs: Math.max(0, timeMs - session.timeMs) }),
    });
  }

  /** A session without a password before it is a login only when it comes from elsewhere, for example with a key. */
  private isAttempt(record: LoginRecord): boolean {
    return this.findAccepted(record) !== undefined || record.remoteAddress !== undefined;
  }

  private isOpen(record: LoginRecord): boolean {
    return this.sessions.has(record);
  }

  private addTo(record: LoginRecord): void {
    const waiting = this.waiting.get(record.pid);
    if (waiting?.facts.succeeded === true) waiting.facts = merge(waiting.facts, record);
  }

  /** Begins an attempt, or goes on with the one of the same process. */
  private wait(record: LoginRecord, forMs: number): void {
    const before = this.waiting.get(record.pid)?.facts;
    const facts = merge(before, record);
    const refusals = (before?.refusals ?? 0) + (record.succeeded ? 0 : 1);
    const operation =
      before !== undefined && before.succeeded === record.succeeded
        ? before.operation
        : record.operation;
    this.waiting.set(record.pid, {
      facts: { ...facts, succeeded: record.succeeded, operation, refusals },
      dueMs: this.nowMs + forMs,
    });
    if (this.waiting.size <= mostWaiting) return;
    for (const [pid, oldest] of this.waiting) {
      this.tellWaiting(pid, oldest);
      return;
    }
  }

  /** sshd asks PAM in a process of its own for keyboard-interactive logins, so the same connection counts too. */
  private findAccepted(record: LoginRecord): number | undefined {
    if (this.waiting.get(record.pid)?.facts.succeeded === true) return record.pid;
    if (record.remoteAddress === undefined) return undefined;
    for (const [pid, { facts }] of this.waiting) {
      const same =
        facts.succeeded &&
        facts.sessionId === undefined &&
        facts.remoteAddress === record.remoteAddress &&
        facts.executable === record.executable &&
        facts.userName === record.userName;
      if (same) return pid;
    }
    return undefined;
  }

  private takeAccepted(record: LoginRecord): Attempt | undefined {
    const pid = this.findAccepted(record);
    if (pid === undefined) return undefined;
    const attempt = this.waiting.get(pid);
    this.waiting.delete(pid);
    return attempt;
  }

  /** At the first sight of a connection: it may be over before its login is told. */
  private findPorts(record: LoginRecord): void {
    const { pid, remoteAddress, timeMs } = record;
    if (remoteAddress === undefined || this.sessions.hasPorts(record, this.nowMs)) return;
    const ports = this.options.portsOf?.({ pid, remoteAddress, timeMs });
    if (ports !== undefined) this.sessions.learn({ ...record, ...ports }, this.nowMs);
  }

  private tellWaiting(pid: number, attempt: Attempt): void {
    this.waiting.delete(pid);
    this.tell(attempt.facts);
  }

  private tell(facts: LoginFacts): void {
    const told = { ...facts, ...this.sessions.known(facts) };
    if (told.succeeded) this.sessions.open(told);
    this.options.onLogin(told);
  }
}

/** sshd and login repeat a refusal two or three seconds after PAM. */
const patienceMs = 3000;
/** sshd tells the terminal some 50 ms after the session. */
const terminalPatienceMs = 1000;
const mostWaiting = 1024;

function isPam({ operation }: LoginRecord): boolean {
  return operation.startsWith('PAM:');
}

const noLogins = /(?:^|\/)(?:sudo|crond?|fcron|atd|systemd|systemd-executor)$/u;

function isNoLogin({ executable, terminal }: LoginRecord): boolean {
  return terminal === 'cron' || noLogins.test(executable ?? '');
}

function isLocalLogin({ executable }: LoginRecord): boolean {
  return /\/(?:su|login)$/u.test(executable ?? '');
}

/** What was known wins, but for a name that stands for an unknown one, and for what only the end can know. */
function merge(before: LoginFacts | undefined, record: LoginRecord): LoginFacts {
  if (before === undefined) return record;
  const { userName = before.userName } = isPlaceholder(before.userName) ? record : before;
  return {
    ...record,
    ...before,
    pid: record.pid,
    ...(userName !== undefined && { userName }),
    ...(record.sessionId !== undefined && { sessionId: record.sessionId }),
    ...(record.terminal !== undefined && { terminal: record.terminal }),
  };
}
