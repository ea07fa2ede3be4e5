import type { LoginRecord } from '../../kernel/audit/login-records.js';
import { isPam, isSameClient, type LoginAttempt, merge, newAttempt, phaseOf } from './attempt.js';
import type { LoginOrigin } from './connections.js';
import { LoginEchoes } from './echoes.js';
import type { LoginFacts } from './facts.js';
import { isLocalLogin, isNoLogin, isSsh } from './programs.js';
import { LoginRefusals, patienceMs } from './refusals.js';
import { LoginSessions } from './sessions.js';
import { WaitingLogins, wholeLogin } from './waiting.js';

export interface LoginAttemptsOptions {
  readonly onLogin: (facts: LoginFacts) => void;
  /** Finds the ports of a connection that a record left out. */
  readonly portsOf?: (
    login: LoginOrigin,
  ) => { readonly remotePort: string; readonly localPort: string } | undefined;
}

/**
 * Attempts to log in: one event of the several records that the programs and PAM write of each.
 *
 * An attempt belongs to a process, a user and a client, and goes through phases: PAM authenticates, the program names
 * its method, PAM looks at the account, a session is opened, the program tells the login. One process may serve any
 * number of users at once.
 *
 * 1. A record goes to the oldest attempt of its process, user and client that has not had its phase. Where there is
 *    none it begins another: what was said of an attempt before never hides what follows.
 * 2. PAM's verdict on a password always is an attempt of its own; in a process of sshd, a second success of PAM is the
 *    second factor of the first. Two processes of sshd, or of another program that asks PAM in a child, are one attempt
 *    when they speak of the same user and client. A key that sshd accepts may be the first of several factors, so it
 *    waits for the word on the account or the login as long as sshd waits for the next factor.
 * 3. A session that needed no password (a key) is an attempt when it comes from elsewhere.
 * 4. A verdict of failure is told at once. Of sshd, a refusal that only sshd tells (a key, an unknown name) may be the
 *    beginning of an attempt that goes on, so it waits `patienceMs`, and several within it are one, with their number.
 *    Where the program repeats what PAM said, it is the same failure (`LoginEchoes`).
 * 5. A success is told when its session and terminal are known, at the latest after `patienceMs`; whatever comes later
 *    of it adds to what its logout tells.
 * 6. A result that cannot be read is no verdict: others of the attempt may still give one, and if none does, it is told
 *    as not known.
 * 7. A logout is told for a login that was told, and for one before our time if it came from elsewhere or from login
 *    or su.
 * 8. Programs that only authenticate for something else are no logins (`programs.ts`), nor is the renewal of what
 *    somebody has already, as when a screen is unlocked.
 * 9. What is remembered is bounded; an attempt that has to make room is told early, not lost.
 */
export class LoginAttempts {
  private readonly waiting = new WaitingLogins();
  private readonly sessions = new LoginSessions();
  private readonly echoes = new LoginEchoes();
  private readonly refusals: LoginRefusals;
  private nowMs = 0;

  constructor(private readonly options: LoginAttemptsOptions) {
    const { waiting, sessions, echoes } = this;
    this.refusals = new LoginRefusals({
      waiting,
      sessions,
      echoes,
      onWaiting: (attempt) => this.add(attempt),
      onVerdict: (attempt) => this.report(attempt),
    });
  }

  /** `nowMs` comes from a monotonic clock. */
  push(record: LoginRecord, nowMs: number): void {
    this.nowMs = nowMs;
    this.echoes.expire(nowMs);
    if (isNoLogin(record)) return;
    if (record.stage !== 'close' && record.stage !== 'logout') this.findPorts(record);
    const { succeeded } = record;
    switch (record.stage) {
      case 'identified':
      case 'ports':
        if (succeeded !== false) this.sessions.learn(record, nowMs);
        return;
      case 'authentication':
        if (succeeded === false) this.refusals.refused(record, nowMs);
        else this.authenticated(record);
        return;
      case 'account':
        if (succeeded === false) this.refusals.failed(record, nowMs);
        else this.accounted(record);
        return;
      case 'refresh':
        if (succeeded === true) this.refreshed(record);
        return;
      case 'login':
        if (succeeded === false) this.refusals.refused(record, nowMs);
        else this.loggedIn(record);
        return;
      case 'error':
        if (succeeded === false && this.waiting.own(record) === undefined)
          this.refusals.refused(record, nowMs);
        return;
      case 'open':
        if (succeeded !== false) this.opened(record);
        else if (this.waiting.find(record) !== undefined || record.remoteAddress !== undefined)
          this.refusals.failed(record, nowMs);
        return;
      case 'close':
      case 'logout':
        if (succeeded !== false) this.closed(record);
        return;
    }
  }

  /** Tells the attempts that waited long enough; returns in how many milliseconds to call again, if at all. */
  expire(nowMs: number): number | undefined {
    this.nowMs = nowMs;
    let nextMs: number | undefined;
    for (const attempt of this.waiting.values()) {
      const remainingMs = attempt.atMs - nowMs;
      if (remainingMs <= 0) this.tell(attempt);
      else nextMs = Math.min(nextMs ?? remainingMs, remainingMs);
    }
    return nextMs;
  }

  /** Tells everything that waits, for the end of the stream. */
  flush(): void {
    for (const attempt of this.waiting.values()) this.tell(attempt);
  }

  /** Somebody was authenticated, or the result cannot be read. */
  private authenticated(record: LoginRecord): void {
    const isConfirmation = !isPam(record);
    const attempt = isSsh(record.executable) ? this.waiting.own(record) : undefined;
    const own = attempt ?? (isConfirmation ? this.waiting.find(record) : undefined);
    if (own !== undefined) {
      this.goOnWithFactors(record, own);
      return;
    }
    const isKnown = record.succeeded === undefined && this.echoes.take(record);
    const told = isConfirmation && this.sessions.goesOnWith(record, 'method', this.nowMs);
    if (isKnown) return;
    if (told) told.phases.add('method');
    else this.begin(record, isOneFactor(record) ? loginGraceMs : patienceMs);
  }

  /** sshd accepts the login as a whole after its factors, of which PAM may have been asked in another process. */
  private goOnWithFactors(record: LoginRecord, own: LoginAttempt): void {
    const other = isPam(record) ? undefined : this.waiting.otherFactor(record, own);
    if (other !== undefined) this.waiting.remove(own);
    this.waiting.goOn(record, other ?? own);
    if (!isOneFactor(record)) this.tellSoon(other ?? own);
  }

  private tellSoon(attempt: LoginAttempt): void {
    attempt.atMs = Math.min(attempt.atMs, this.nowMs + patienceMs);
  }

  private accounted(record: LoginRecord): void {
    const attempt = this.waiting.find(record);
    if (attempt === undefined) {
      this.sessions.learnName(record, this.nowMs);
      return;
    }
    this.waiting.goOn(record, attempt);
    this.tellSoon(attempt);
  }

  private refreshed(record: LoginRecord): void {
    const renewed = this.waiting
      .of(record.pid)
      .find(({ phases, facts }) => phases.has('authentication') && isSameClient(facts, record));
    if (renewed !== undefined && !renewed.phases.has('session')) renewed.isRefresh = true;
  }

  private loggedIn(record: LoginRecord): void {
    const attempt = this.waiting.find(record);
    if (attempt !== undefined) {
      this.waiting.goOn(record, attempt);
      if (record.succeeded === true) this.tell(attempt);
      return;
    }
    if (this.goOnWithTold(record)) return;
    if (record.succeeded === undefined && this.echoes.take(record)) return;
    this.tell(this.begin(this.sessions.withName(record, this.nowMs), 0));
  }

  private opened(record: LoginRecord): void {
    const attempt = this.waiting.find(record);
    if (attempt !== undefined) {
      this.waiting.goOn(record, attempt);
      attempt.atMs = this.nowMs + terminalPatienceMs;
      return;
    }
    if (this.goOnWithTold(record)) return;
    if (record.remoteAddress === undefined) this.sessions.learnName(record, this.nowMs);
    else this.begin(record, terminalPatienceMs);
  }

  private closed(record: LoginRecord): void {
    const attempt = this.waiting
      .of(record.pid)
      .find(({ facts, isRefusal }) => !isRefusal && isSameClient(facts, record));
    if (attempt !== undefined) this.tell(attempt);
    const isEnd = record.stage === 'close' && isPam(record);
    if (!isEnd && (record.stage === 'close' || this.hasSession(record))) return;
    const session = this.sessions.end(record)?.facts;
    if (session === undefined && (!isEnd || !isLogoutWithoutLogin(record))) return;
    const { pid, timeMs, succeeded } = record;
    const facts = merge(session, record);
    this.options.onLogin({
      ...facts,
      pid,
      timeMs,
      succeeded,
      operation: 'logout',
      ...(session && { sessionMs: Math.max(0, timeMs - session.timeMs) }),
    });
  }

  /** Whether PAM will tell the end of the session itself. */
  private hasSession(record: LoginRecord): boolean {
    const told = this.sessions.goesOnWith(record, undefined, this.nowMs);
    return told?.phases.has('session') === true;
  }

  /** Whether the record goes on with a login that was told. */
  private goOnWithTold(record: LoginRecord): boolean {
    const phase = phaseOf(record);
    const told = this.sessions.goesOnWith(record, phase, this.nowMs);
    if (told === undefined) return false;
    if (phase === undefined || told.phases.has(phase)) return true;
    told.phases.add(phase);
    told.facts = { ...merge(told.facts, record), operation: told.facts.operation, succeeded: true };
    return true;
  }

  /** Begins an attempt; what only sshd refused before belongs to it. */
  private begin(record: LoginRecord, forMs: number): LoginAttempt {
    const refusal = this.waiting.refusalOf(record);
    if (refusal !== undefined) this.waiting.remove(refusal);
    const { operation, succeeded } = record;
    const refusals = refusal?.facts.refusals ?? 0;
    const facts = { ...merge(refusal?.facts, record), operation, succeeded, refusals };
    const attempt = newAttempt(facts, this.nowMs + forMs, phaseOf(record));
    this.add(attempt);
    return attempt;
  }

  private add(attempt: LoginAttempt): void {
    this.waiting.add(attempt);
    if (this.waiting.size <= mostWaiting) return;
    for (const oldest of this.waiting.values()) {
      this.tell(oldest);
      return;
    }
  }

  /** At the first sight of a connection: it may be over before its login is told. */
  private findPorts(record: LoginRecord): void {
    const { pid, remoteAddress, timeMs } = record;
    if (remoteAddress === undefined || this.sessions.hasPorts(record, this.nowMs)) return;
    const ports = this.options.portsOf?.({ pid, remoteAddress, timeMs });
    if (ports !== undefined) this.sessions.learn({ ...record, ...ports }, this.nowMs);
  }

  private tell(attempt: LoginAttempt): void {
    this.waiting.remove(attempt);
    if (attempt.isRefresh && !attempt.phases.has('session') && !attempt.phases.has('login')) return;
    this.report(attempt);
  }

  private report(attempt: LoginAttempt): void {
    attempt.facts = { ...attempt.facts, ...this.sessions.known(attempt.facts) };
    attempt.atMs = this.nowMs;
    this.sessions.close(attempt);
    this.options.onLogin(attempt.facts);
  }
}

/** sshd tells the terminal some 50 ms after the session. */
const terminalPatienceMs = 1000;
/** `LoginGraceTime` of sshd: so long somebody whose key was accepted may look for the second factor. */
const loginGraceMs = 120_000;
const mostWaiting = 1024;

/** Whether sshd tells of one method only that it accepts it, and not yet of the login: `pubkey_auth`, not `success`. */
function isOneFactor(record: LoginRecord): boolean {
  return (
    record.succeeded === true &&
    record.stage === 'authentication' &&
    !isPam(record) &&
    isSsh(record.executable) &&
    record.operation !== wholeLogin
  );
}

/** Of a login before our time only these are worth their logout; others would be one of each job and service. */
function isLogoutWithoutLogin({ executable, remoteAddress }: LoginRecord): boolean {
  return remoteAddress !== undefined || isLocalLogin(executable);
}
