import type { LoginRecord } from '../../kernel/audit/login-records.js';
import { isPam, type LoginAttempt, merge, newAttempt, phaseOf } from './attempt.js';
import { type LoginEchoes, repetitionOf } from './echoes.js';
import { isSsh } from './programs.js';
import type { LoginSessions } from './sessions.js';
import type { WaitingLogins } from './waiting.js';

interface LoginRefusalsOptions {
  readonly waiting: WaitingLogins;
  readonly sessions: LoginSessions;
  readonly echoes: LoginEchoes;
  /** An attempt begins that may go on. */
  readonly onWaiting: (attempt: LoginAttempt) => void;
  /** An attempt failed, and is to be told. */
  readonly onVerdict: (attempt: LoginAttempt) => void;
}

/** sshd and login repeat a refusal two or three seconds after PAM. */
export const patienceMs = 3000;

/**
 * What becomes of a refusal: the verdict on an attempt, the beginning of one that may go on, or the repetition of what
 * was told (invariant 4 of `LoginAttempts`).
 */
export class LoginRefusals {
  constructor(private readonly options: LoginRefusalsOptions) {}

  /** A refusal: a verdict of its own, unless only sshd says so. */
  refused(record: LoginRecord, nowMs: number): void {
    if (this.options.echoes.take(record)) return;
    const isVerdict = isPam(record) && record.stage === 'authentication';
    if (!isVerdict && this.options.sessions.hasOpen(record, nowMs)) return;
    if (isVerdict || this.isVerdictOfProgram(record) || this.isSecondThought(record))
      this.failed(record, nowMs);
    else this.suspect(record, nowMs);
  }

  private isVerdictOfProgram({ executable, operation, stage }: LoginRecord): boolean {
    if (stage === 'error') return false;
    return !isSsh(executable) || /^(?:password|keyboard-interactive)\b/u.test(operation);
  }

  /** What PAM accepted was refused after all. */
  private isSecondThought(record: LoginRecord): boolean {
    return record.stage !== 'error' && this.options.waiting.own(record) !== undefined;
  }

  /** A refusal that is a verdict: takes back the success that it contradicts, and is told at once. */
  failed(record: LoginRecord, nowMs: number): void {
    const accepted = this.contradicted(record);
    const before = accepted ?? this.options.waiting.refusalOf(record);
    if (before !== undefined) this.options.waiting.remove(before);
    const { operation } = record;
    const facts = { ...merge(before?.facts, record), succeeded: false, operation, refusals: 0 };
    this.options.echoes.note(facts, nowMs, repetitionOf(record));
    this.options.onVerdict({ ...newAttempt(facts, nowMs), phases: new Set() });
  }

  /** The success that a failure takes back: of sshd any, of others one that was not further yet. */
  private contradicted(record: LoginRecord): LoginAttempt | undefined {
    if (isSsh(record.executable) && record.stage === 'authentication')
      return this.options.waiting.own(record);
    // A password that PAM refuses says nothing of one that it accepted.
    if (phaseOf(record) === 'authentication') return undefined;
    return this.options.waiting.find(record);
  }

  /** What only sshd tells waits, and several of it are one, with their number. */
  private suspect(record: LoginRecord, nowMs: number): void {
    const before = this.options.waiting.refusalOf(record);
    if (before === undefined) {
      this.options.onWaiting({
        ...newAttempt({ ...record, refusals: 1 }, nowMs + patienceMs),
        isRefusal: true,
      });
      return;
    }
    const { operation, refusals = 0 } = before.facts;
    before.facts = {
      ...merge(before.facts, record),
      succeeded: false,
      operation,
      refusals: refusals + 1,
    };
    before.atMs = nowMs + patienceMs;
  }
}
