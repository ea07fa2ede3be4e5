import {
  isPlaceholder,
  type LoginRecord,
  type LoginStage,
} from '../../kernel/audit/login-records.js';
import type { LoginFacts } from './facts.js';
import { isSsh, programName } from './programs.js';

/**
 * What was said about an attempt already, so that the same said once more is another attempt. `method` is the program's
 * own word beside that of PAM, and `session` is one that PAM opened.
 */
export type LoginPhase = 'authentication' | 'method' | 'account' | 'session' | 'login';

/** One attempt to log in, before and after it is told. */
export interface LoginAttempt {
  facts: LoginFacts;
  readonly phases: Set<LoginPhase>;
  /** A refusal that only the program told: it may be the beginning of an attempt that goes on. */
  readonly isRefusal: boolean;
  /** When it is told, whatever else may come; after it was told, when that was. Monotonic clock. */
  atMs: number;
  /** It renewed what somebody had, so that it is a login only if a session follows. */
  isRefresh: boolean;
}

/** @param atMs when it is told, monotonic clock. @param phase that it has had */
export function newAttempt(facts: LoginFacts, atMs: number, phase?: LoginPhase): LoginAttempt {
  return {
    facts,
    phases: new Set(phase === undefined ? [] : [phase]),
    isRefusal: false,
    atMs,
    isRefresh: false,
  };
}

export function isPam({ operation }: Pick<LoginRecord, 'operation'>): boolean {
  return operation.startsWith('PAM:');
}

/** The phase that a record is; undefined for one that is none. */
export function phaseOf(record: { stage: LoginStage; operation: string }): LoginPhase | undefined {
  switch (record.stage) {
    case 'authentication':
      return isPam(record) ? 'authentication' : 'method';
    case 'account':
      return 'account';
    case 'open':
      return isPam(record) ? 'session' : undefined;
    case 'login':
      return 'login';
    default:
      return undefined;
  }
}

/**
 * Whether a record may be about the same user and the same client as what is known. What either does not say
 * contradicts nothing. A process of sshd has one client only, whatever its records leave out.
 */
export function isSameClient(facts: LoginFacts, record: LoginRecord): boolean {
  if (isDifferent(facts.remoteAddress, record.remoteAddress)) return false;
  if (!isSameProgram(facts, record)) return false;
  return isSameUser(facts, record) || (facts.pid === record.pid && isSsh(record.executable));
}

/** As `isSameClient`, and of the same session, as far as both have one. */
export function isSameSession(facts: LoginFacts, record: LoginRecord): boolean {
  return isSameClient(facts, record) && !isDifferent(facts.sessionId, record.sessionId);
}

function isSameProgram({ executable }: LoginFacts, record: LoginRecord): boolean {
  if (executable === record.executable) return true;
  if (executable === undefined || record.executable === undefined) return true;
  return programName(executable) === programName(record.executable);
}

function isSameUser(facts: LoginFacts, record: LoginRecord): boolean {
  if (isPlaceholder(facts.userName) || isPlaceholder(record.userName))
    return !isDifferent(facts.userId, record.userId);
  return (
    facts.userName === record.userName || canonical(facts.userName) === canonical(record.userName)
  );
}

/** PAM modules rename whom they know: `SITE\Anna` and `anna@site` become `anna`. */
function canonical(userName = ''): string {
  return userName
    .toLowerCase()
    .replace(/^.*\\/u, '')
    .replace(/(?<=.)@.*$/u, '');
}

function isDifferent<V>(known: V | undefined, said: V | undefined): boolean {
  return known !== undefined && said !== undefined && known !== said;
}

/** What was known wins, but for a name that stands for an unknown one, and for what only the end can know. */
export function merge(before: LoginFacts | undefined, record: LoginRecord): LoginFacts {
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

/** Attempts by their process, in the order they began. */
export class AttemptsByProcess {
  private readonly all = new Set<LoginAttempt>();
  private readonly byPid = new Map<number, LoginAttempt[]>();

  get size(): number {
    return this.all.size;
  }

  /** The longest known first. */
  values(): IterableIterator<LoginAttempt> {
    return this.all.values();
  }

  of(pid: number): readonly LoginAttempt[] {
    return this.byPid.get(pid) ?? [];
  }

  add(attempt: LoginAttempt): void {
    this.all.add(attempt);
    const { pid } = attempt.facts;
    const others = this.byPid.get(pid);
    if (others === undefined) this.byPid.set(pid, [attempt]);
    else others.push(attempt);
  }

  remove(attempt: LoginAttempt): void {
    this.all.delete(attempt);
    const { pid } = attempt.facts;
    const others = this.of(pid).filter((each) => each !== attempt);
    if (others.length === 0) this.byPid.delete(pid);
    else this.byPid.set(pid, others);
  }
}
