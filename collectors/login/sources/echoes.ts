import type { LoginRecord } from '../../kernel/audit/login-records.js';
import { isPam, isSameClient } from './attempt.js';
import type { LoginFacts } from './facts.js';
import { isSsh } from './programs.js';

/** The records in which a program may repeat what PAM said. */
type Repetition = 'login' | 'error' | 'method';

interface ToldFailure {
  readonly facts: LoginFacts;
  readonly untilMs: number;
  /** Those that are still to come. */
  readonly repetitions: Set<Repetition>;
}

/**
 * Failures that were told, so that a program that repeats one is not taken for another attempt.
 *
 * 1. A failure is repeated once in each kind of record that programs write later, by the process that asked, about the
 *    same user and client. Whatever comes beyond that is another attempt.
 * 2. A process of sshd serves one connection and asks PAM about each password, so that all that it tells alone after a
 *    failure of PAM belongs to that failure; and it may ask PAM in another process than the one that repeats it.
 * 3. Failures are forgotten after `echoMs`, and the oldest first where there are too many.
 */
export class LoginEchoes {
  private readonly told = new Set<ToldFailure>();
  private readonly byPid = new Map<number, Set<ToldFailure>>();
  private readonly byConnection = new Map<string, Set<ToldFailure>>();

  note(facts: LoginFacts, nowMs: number, said: Repetition | undefined): void {
    const failure: ToldFailure = {
      facts,
      untilMs: nowMs + echoMs,
      repetitions: new Set(
        repetitions.slice(said === undefined ? 0 : repetitions.indexOf(said) + 1),
      ),
    };
    this.told.add(failure);
    addTo(this.byPid, facts.pid, failure);
    const connection = connectionOf(facts);
    if (connection !== undefined) addTo(this.byConnection, connection, failure);
    if (this.told.size <= mostRemembered) return;
    for (const oldest of this.told) {
      this.forget(oldest);
      return;
    }
  }

  /** Whether the record only repeats a failure that was told. */
  take(record: LoginRecord): boolean {
    const repetition = repetitionOf(record);
    if (repetition === undefined) return false;
    const own = this.find(this.byPid.get(record.pid), record, repetition);
    if (own !== undefined) {
      own.repetitions.delete(repetition);
      return true;
    }
    if (!isSsh(record.executable)) return false;
    if (this.byPid.has(record.pid)) return true;
    const other = this.find(this.byConnection.get(connectionOf(record) ?? ''), record, repetition);
    other?.repetitions.delete(repetition);
    return other !== undefined;
  }

  /** Forgets failures that nothing can repeat any more. */
  expire(nowMs: number): void {
    for (const failure of this.told) {
      if (failure.untilMs >= nowMs) return;
      this.forget(failure);
    }
  }

  private find(
    failures: ReadonlySet<ToldFailure> | undefined,
    record: LoginRecord,
    repetition: Repetition,
  ): ToldFailure | undefined {
    for (const failure of failures ?? []) {
      if (failure.repetitions.has(repetition) && isSameClient(failure.facts, record))
        return failure;
    }
    return undefined;
  }

  private forget(failure: ToldFailure): void {
    this.told.delete(failure);
    removeFrom(this.byPid, failure.facts.pid, failure);
    removeFrom(this.byConnection, connectionOf(failure.facts) ?? '', failure);
  }
}

/** A refusal is repeated within three seconds of the password (pam_unix waits two on average), or at the end. */
const echoMs = 10_000;
const mostRemembered = 4096;
/** In the order in which programs write them. */
const repetitions: readonly Repetition[] = ['method', 'login', 'error'];

export function repetitionOf(record: LoginRecord): Repetition | undefined {
  switch (record.stage) {
    case 'login':
    case 'error':
      return record.stage;
    case 'authentication':
      return isPam(record) ? undefined : 'method';
    default:
      return undefined;
  }
}

/** Two processes of sshd that serve the same connection say the same address. */
function connectionOf({
  executable,
  remoteAddress,
}: Pick<LoginFacts, 'executable' | 'remoteAddress'>): string | undefined {
  return remoteAddress !== undefined && isSsh(executable) ? remoteAddress : undefined;
}

function addTo<K>(map: Map<K, Set<ToldFailure>>, key: K, failure: ToldFailure): void {
  const others = map.get(key);
  if (others === undefined) map.set(key, new Set([failure]));
  else others.add(failure);
}

function removeFrom<K>(map: Map<K, Set<ToldFailure>>, key: K, failure: ToldFailure): void {
  const others = map.get(key);
  others?.delete(failure);
  if (others?.size === 0) map.delete(key);
}
