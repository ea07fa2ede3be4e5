import type { LoginRecord } from '../../kernel/audit/login-records.js';
import { AttemptsByProcess, isSameClient, type LoginAttempt, merge, phaseOf } from './attempt.js';
import { isSsh, programName } from './programs.js';

/** What sshd calls the record of a login that it accepted, whatever its methods. */
export const wholeLogin = 'success';

function isWholeLogin({ executable, operation, stage, succeeded }: LoginRecord): boolean {
  return (
    stage === 'authentication' &&
    operation === wholeLogin &&
    succeeded === true &&
    isSsh(executable)
  );
}

/** The attempts that are not told yet, because more may be said about them. */
export class WaitingLogins extends AttemptsByProcess {
  /** The attempt that the record goes on with: the oldest that has not had its phase. */
  find(record: LoginRecord): LoginAttempt | undefined {
    const phase = phaseOf(record);
    const isFit = ({ facts, isRefusal, phases }: LoginAttempt): boolean =>
      !isRefusal && (phase === undefined || !phases.has(phase)) && isSameClient(facts, record);
    return this.of(record.pid).find(isFit) ?? this.findInOther(record, isFit);
  }

  /**
   * sshd asks PAM in a process of its own for keyboard-interactive logins, xrdp opens the session in a child. A session
   * that exists has its process.
   */
  private findInOther(
    record: LoginRecord,
    isFit: (attempt: LoginAttempt) => boolean,
  ): LoginAttempt | undefined {
    if (record.stage !== 'open' && !isWholeLogin(record)) return undefined;
    for (const attempt of this.values()) {
      const { facts, phases } = attempt;
      const isMeant =
        !phases.has('session') &&
        record.userName !== undefined &&
        facts.remoteAddress === record.remoteAddress &&
        facts.userName === record.userName &&
        programName(facts.executable) === programName(record.executable);
      if (isMeant && isFit(attempt)) return attempt;
    }
    return undefined;
  }

  /** The attempt that PAM accepted in another process, as the last factor of one that has only its key so far. */
  otherFactor(record: LoginRecord, { phases }: LoginAttempt): LoginAttempt | undefined {
    if (!isWholeLogin(record) || phases.has('authentication') || phases.has('account'))
      return undefined;
    return this.findInOther(
      record,
      (other) => other.phases.has('authentication') && !other.phases.has('method'),
    );
  }

  /** What the process of the record has under way for the same user and client, in whatever phase. */
  own(record: LoginRecord): LoginAttempt | undefined {
    return this.of(record.pid).find(
      ({ facts, isRefusal }) => !isRefusal && isSameClient(facts, record),
    );
  }

  /** What only the program refused of the same user and client. */
  refusalOf(record: LoginRecord): LoginAttempt | undefined {
    return this.of(record.pid).find(
      ({ facts, isRefusal }) => isRefusal && isSameClient(facts, record),
    );
  }

  /** Adds what the record says to an attempt, and makes the attempt one of the record's process. */
  goOn(record: LoginRecord, attempt: LoginAttempt | undefined): void {
    if (attempt === undefined) return;
    const { succeeded, operation } = attempt.facts;
    const isVerdict = record.stage !== 'account' && record.succeeded === true;
    const facts = {
      ...merge(attempt.facts, record),
      succeeded: isVerdict ? true : succeeded,
      operation,
    };
    const phase = phaseOf(record);
    if (phase !== undefined) attempt.phases.add(phase);
    if (facts.pid === attempt.facts.pid) attempt.facts = facts;
    else {
      this.remove(attempt);
      attempt.facts = facts;
      this.add(attempt);
    }
  }
}
