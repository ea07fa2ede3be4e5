import { BoundedMap } from '../../../base/bounded-map.js';
import { isPlaceholder, type LoginRecord } from '../../kernel/audit/login-records.js';
import {
  AttemptsByProcess,
  isSameClient,
  isSameSession,
  type LoginAttempt,
  type LoginPhase,
} from './attempt.js';
import type { LoginFacts } from './facts.js';
import { isSsh, programName } from './programs.js';

type Known = Pick<LoginFacts, 'userId' | 'remotePort' | 'localPort'>;

interface Named {
  /** Undefined where the process spoke of several. */
  readonly userName: string | undefined;
  readonly executable: string | undefined;
  readonly sessionId: number | undefined;
  readonly sinceMs: number;
}

interface Ports {
  readonly remotePort: string;
  readonly localPort: string;
  readonly sinceMs: number;
}

/**
 * What is known of processes: the logins that were told of them, so that none is told twice and each logout finds its
 * login, the login uid that the kernel gave them, and the ports of their connections.
 *
 * 1. One process may have any number of logins: one that serves all users has those of all.
 * 2. A login that was told goes on: a phase that it did not have yet belongs to it, for some time, or while a session
 *    that PAM opened for it is open.
 * 3. Everything is bounded; the oldest is forgotten first.
 */
export class LoginSessions {
  private readonly told = new AttemptsByProcess();
  private readonly identities = new BoundedMap<number, LoginRecord>(mostRemembered);
  private readonly ports = new BoundedMap<string, Ports>(mostRemembered);
  private readonly names = new BoundedMap<number, Named>(mostRemembered);

  /** Keeps what the kernel or the program said of a process before its login is told. */
  learn(record: LoginRecord, nowMs: number): void {
    const { pid, userId, remotePort, localPort } = record;
    if (userId !== undefined && record.stage === 'identified') this.identities.set(pid, record);
    if (remotePort !== undefined && localPort !== undefined)
      this.ports.set(connectionOf(record), { remotePort, localPort, sinceMs: nowMs });
  }

  /**
   * Keeps the name of somebody whose account was looked at or whose session was opened without a password: the program's
   * own word on the login may hold nothing but the number of the user.
   */
  learnName({ pid, userName, executable, sessionId }: LoginRecord, nowMs: number): void {
    if (isPlaceholder(userName)) return;
    const before = this.names.get(pid);
    const isOther =
      before !== undefined &&
      nowMs - before.sinceMs < lateMs &&
      before.userName !== userName &&
      programName(before.executable) === programName(executable);
    this.names.set(pid, {
      userName: isOther ? undefined : userName,
      executable,
      sessionId: sessionId ?? before?.sessionId,
      sinceMs: nowMs,
    });
  }

  /** The record with the name that its process said of it; as it is where it has one, or where two were said. */
  withName(record: LoginRecord, nowMs: number): LoginRecord {
    const known = this.names.get(record.pid);
    if (known?.userName === undefined || record.userName !== undefined) return record;
    const isSame =
      nowMs - known.sinceMs < lateMs &&
      programName(known.executable) === programName(record.executable) &&
      (known.sessionId === undefined ||
        record.sessionId === undefined ||
        known.sessionId === record.sessionId);
    return isSame ? { ...record, userName: known.userName } : record;
  }

  /** Whether the ports of the connection that the record belongs to are known. */
  hasPorts(record: LoginRecord, nowMs: number): boolean {
    const ports = this.ports.get(connectionOf(record));
    return ports !== undefined && nowMs - ports.sinceMs < loginGraceMs;
  }

  known(facts: LoginFacts): Known {
    const { pid, sessionId } = facts;
    const identity = this.identities.get(pid);
    const userId = sessionId === identity?.sessionId ? identity?.userId : undefined;
    const ports = this.ports.get(connectionOf(facts));
    return {
      ...(userId !== undefined && sessionId !== undefined && { userId }),
      ...(ports && { remotePort: ports.remotePort, localPort: ports.localPort }),
    };
  }

  /** An attempt was told. The next one of a process that serves many has a connection of its own. */
  close(attempt: LoginAttempt): void {
    const { facts } = attempt;
    if (!isSsh(facts.executable)) this.ports.delete(connectionOf(facts));
    if (facts.succeeded !== true) return;
    const [oldest] = this.told.of(facts.pid);
    if (oldest !== undefined && this.told.of(facts.pid).length >= mostOfProcess)
      this.told.remove(oldest);
    this.told.add(attempt);
    if (this.told.size <= mostRemembered) return;
    for (const first of this.told.values()) {
      this.told.remove(first);
      return;
    }
  }

  /** The login that was told and that the record goes on with; `phase` is what the record adds, if anything. */
  goesOnWith(
    record: LoginRecord,
    phase: LoginPhase | undefined,
    nowMs: number,
  ): LoginAttempt | undefined {
    let found: LoginAttempt | undefined;
    for (const attempt of this.told.of(record.pid)) {
      const { phases, facts, atMs } = attempt;
      const isOpen = phases.has('session');
      const withinMs = phase === 'login' ? lateLoginMs : lateMs;
      if (!isOpen && nowMs - atMs >= (isSsh(facts.executable) ? lateMs : withinMs)) continue;
      if (!(isOpen ? isSameSession : isSameClient)(facts, record)) continue;
      if (phase === undefined || !phases.has(phase)) return attempt;
      if (mayRepeat(attempt, phase, record)) found ??= attempt;
    }
    return found;
  }

  /** Whether a login through the connection that the process serves was told and is not over. */
  hasOpen(record: LoginRecord, nowMs: number): boolean {
    return isSsh(record.executable) && this.goesOnWith(record, undefined, nowMs) !== undefined;
  }

  /** The login of the session that ends now, if it was told. */
  end(record: LoginRecord): LoginAttempt | undefined {
    const own = this.told.of(record.pid).filter(({ facts }) => isSameSession(facts, record));
    const withSession = own.filter(({ phases }) => phases.has('session'));
    const candidates = withSession.length === 0 ? own : withSession;
    const here = candidates.find(({ facts }) => facts.terminal === record.terminal);
    const ended = here ?? candidates[0];
    if (ended === undefined) return undefined;
    this.told.remove(ended);
    if (this.told.of(record.pid).length === 0) {
      this.identities.delete(record.pid);
      this.ports.delete(connectionOf(record));
      this.names.delete(record.pid);
    }
    return ended;
  }
}

/** A password that has to be changed first, or a home directory from a slow disk, comes between a login and its session. */
const lateMs = 120_000;
/** Nothing comes between a login and the word of a program that opens no session. */
const lateLoginMs = 10_000;
/** sshd ends a connection without a login after two minutes; what was known of an older process may be another's. */
const loginGraceMs = 120_000;
const mostOfProcess = 256;
const mostRemembered = 4096;

/**
 * sshd tells the login of each terminal of a connection. Of other programs, only the session number of the kernel says
 * that the same is meant once more.
 */
function mayRepeat(
  { facts, phases }: LoginAttempt,
  phase: LoginPhase,
  record: LoginRecord,
): boolean {
  if (phase !== 'login' && phase !== 'method') return false;
  if (isSsh(record.executable)) return true;
  return phase === 'login' && phases.has('session') && facts.sessionId !== undefined;
}

function connectionOf({ pid, remoteAddress }: Pick<LoginFacts, 'pid' | 'remoteAddress'>): string {
  return `${pid} ${remoteAddress ?? ''}`;
}
