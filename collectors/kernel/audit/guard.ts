import type { Clock, Timer } from '../../../base/clock.js';
import type { ReportLoss } from '../../../base/loss.js';
import { Turns } from '../../../base/turns.js';
import type { Unavailable } from '../../../base/unavailable.js';
import type { SourceState } from '../source-state.js';
import { BlindTime, type Tampering } from './blind-time.js';
import type { ChangeNote } from './change-note.js';
import { StatusChanges } from './changes.js';
import type { AuditControl } from './control.js';
import { AuditOwnership } from './ownership.js';
import { explainRefusal, LockedError } from './refusal.js';
import type { ListedRule } from './rules.js';
import { compareRules, coversAny, excludesRecords, hidingRules, ruleKey } from './rules.js';
import { type AuditStatus, locked } from './status.js';
import { WatchRules } from './watch-rules.js';

/**
 * The guard of the kernel's audit: it is as the agent needs it, beside whoever else uses it.
 *
 * 1. Whatever is changed is remembered, and taken back by `restore` unless somebody else has changed it since, or
 *    owns audit by then and relies on it. Audit that was on at first is on in the end, also when somebody switched it
 *    off meanwhile.
 * 2. Only rules with our key are ever removed.
 * 3. Who wants to own audit gets it: we step back at once.
 * 4. Rules that vanish and audit switched off are noticed within a second when the kernel tells, within
 *    `inspectionMs` otherwise, set right again, and the time in between is counted.
 * 5. Steps never overlap.
 *
 * Its modes:
 *
 * ## Idle
 *
 * Before the first `setRules` that succeeded, and after `restore`: nothing is inspected.
 *
 * ## Armed
 *
 * The rules are in force. Audit is inspected every `inspectionMs`, and `noticeMs` after the kernel told of a change.
 *
 * ## Ending
 *
 * `restore` was called, or is about to be: no more rules are added, and everything is taken back as soon as the step under
 * way has ended.
 */
export class AuditGuard {
  private readonly changes: StatusChanges;
  private readonly ownership: AuditOwnership;
  private readonly blindTime: BlindTime;
  private wanted: readonly Buffer[] = [];
  private readonly watches: WatchRules;
  private enabledBefore = off;
  private armed = false;
  private lastLost = 0;
  private readonly turns = new Turns();
  /** `restore` waits for its turn, or is about to be called. */
  private ending = false;
  private isInspectionWaiting = false;
  private regular: Timer | undefined;
  private soon: Timer | undefined;

  constructor(private readonly options: AuditGuardOptions) {
    this.changes = new StatusChanges(options.control, options.note);
    this.ownership = new AuditOwnership(options, this.changes);
    this.blindTime = new BlindTime(options.lose, options.onTampering);
    this.watches = new WatchRules(options.onUnwatched ?? (() => undefined));
  }

  /** The agent is the one that the kernel sends audit to, instead of printing it. */
  get owning(): boolean {
    return this.ownership.held;
  }

  /**
   * Puts exactly these rules in force and, the first time, prepares audit for them. Answers whether the kernel
   * announced a rule in the stream, or why it cannot be done; then the rules before are in force.
   * @param watches rules on paths, of which those that cannot be set are told to `onUnwatched`
   */
  setRules(
    rules: readonly Buffer[],
    watches: readonly Buffer[] = [],
  ): Promise<{ readonly announced: boolean } | Unavailable> {
    return this.turns.run(async () => {
      const before = { wanted: this.wanted, watches: this.watches.wanted };
      this.ending = false;
      this.wanted = rules;
      this.watches.wanted = watches;
      try {
        const status = await this.options.control.status();
        if (!this.armed) {
          this.lastLost = status.lost;
          this.enabledBefore = status.enabled;
          await this.prepare(status);
        }
        const listed = await this.options.control.rules();
        const added = await this.reconcile(listed, status.enabled === locked);
        this.armed = true;
        this.blindTime.good(this.options.clock.monotonicMs());
        this.tellState(await this.options.control.status(), listed);
        this.regular ??= this.options.clock.after(inspectionMs, () => this.inspectNow());
        return { announced: added > 0 && !excludesRecords(listed) };
      } catch (error) {
        this.wanted = before.wanted;
        this.watches.wanted = before.watches;
        return { unavailable: explainRefusal(error) };
      }
    });
  }

  /**
   * The configuration of audit changed, by whomever, `agoMs` before its announcement was read: has a look soon. A rule of
   * the agent that was added is no such change.
   */
  noticed(agoMs = 0, announcement = ''): void {
    if (!this.armed || isOwnRuleAdded(announcement)) return;
    if (!this.watches.followed(announcement))
      this.blindTime.suspect(this.options.clock.monotonicMs() - agoMs);
    else if (announcement.includes('updated_rules')) return;
    this.soon ??= this.options.clock.after(noticeMs, () => this.inspectNow());
  }

  /** Somebody else tried to own audit: gives it up, so that the next try works. */
  yieldOwnership(): void {
    void this.turns.run(async () => {
      if (!this.ownership.held) return;
      await this.attempt(() => this.ownership.yield());
      this.noticed();
    });
  }

  /** `restore` comes next: what is added now would be taken back in a moment. */
  endsSoon(): void {
    this.ending = true;
  }

  /** Takes everything back. Never throws. */
  async restore(): Promise<void> {
    this.ending = true;
    this.regular?.cancel();
    this.soon?.cancel();
    await this.turns.run(async () => {
      this.armed = false;
      this.regular?.cancel();
      this.soon?.cancel();
      this.regular = undefined;
      this.soon = undefined;
      await this.undo();
      this.wanted = [];
      this.watches.wanted = [];
      this.ending = false;
    });
  }

  /**
   * Takes back what can be taken back, and tries the rest again: while others ask the kernel for much, it does not answer
   * each request in time.
   */
  private async undo(): Promise<void> {
    for (let triesLeft = mostUndoTries - 1; triesLeft >= 0; triesLeft--) {
      const failures: unknown[] = [];
      const attempt = (step: () => Promise<void>): Promise<void> =>
        step().catch((error: unknown) => void failures.push(error));
      await attempt(() => this.undoEach(attempt));
      if (failures.length === 0) return;
      if (triesLeft === 0)
        for (const failure of failures) this.options.onProblem(explainRefusal(failure));
    }
  }

  private async undoEach(attempt: (step: () => Promise<void>) => Promise<void>): Promise<void> {
    const { control } = this.options;
    const status = await control.status();
    // They may rely on what is switched on.
    if (this.ownership.isOfAnother(status)) {
      for (const name of ['enabled', 'backlogLimit'] as const) this.changes.forget(name);
    }
    if (status.enabled === locked) {
      const { superfluous } = compareRules(await control.rules(), []);
      if (superfluous.length > 0) this.options.onProblem(staysLocked);
    } else {
      // First of all off, if it was: then the kernel does not announce each rule that is deleted.
      await attempt(() => this.changes.takeBack('enabled', status));
      await attempt(async () => {
        for (const rule of compareRules(await control.rules(), []).superfluous) {
          await control.deleteRule(rule);
        }
      });
      for (const name of ['failure', 'backlogWaitTime', 'backlogLimit'] as const) {
        await attempt(() => this.changes.takeBack(name, status));
      }
    }
    await attempt(() => this.ownership.end(status));
  }

  private async prepare(status: AuditStatus): Promise<void> {
    if (status.enabled === locked) return;
    await this.ownership.claimIfFree(status);
    if (status.backlogLimit < enoughBacklog) {
      await this.changes.set('backlogLimit', status.backlogLimit, enoughBacklog);
    }
    if (status.enabled === off) await this.changes.set('enabled', status.enabled, on);
  }

  /** Sets what is missing, deletes what is superfluous; answers how many rules were added. */
  private async reconcile(listed: readonly ListedRule[], isLocked: boolean): Promise<number> {
    const { control } = this.options;
    const { missing, superfluous } = compareRules(listed, [...this.wanted, ...this.watches.wanted]);
    const isWatch = (rule: Buffer): boolean => this.watches.wanted.includes(rule);
    if (isLocked) {
      const calls = missing.filter((rule) => !isWatch(rule));
      if (calls.length > 0 && !coversAny(listed, calls)) throw new LockedError();
      this.watches.refuse(missing);
      this.watches.tell();
      return 0;
    }
    const add = (rule: Buffer): Promise<void> => control.addRule(rule);
    let added = 0;
    for (const rule of missing) {
      // Each takes its time while somebody else deletes them, and all are taken back in a moment.
      if (this.ending) break;
      if (!isWatch(rule)) await add(rule);
      else if (!(await this.watches.set(rule, add))) continue;
      added++;
    }
    for (const rule of superfluous) await control.deleteRule(rule);
    this.watches.tell();
    return added;
  }

  private inspectNow(): void {
    this.soon?.cancel();
    this.soon = undefined;
    // One that waits sees all that happened up to its turn.
    if (this.isInspectionWaiting) return;
    this.isInspectionWaiting = true;
    void this.turns.run(async () => {
      this.isInspectionWaiting = false;
      if (!this.armed || this.ending) {
        // Whoever puts rules in force again looks again.
        this.regular?.cancel();
        this.regular = undefined;
        return;
      }
      await this.attempt(() => this.inspect());
      this.regular?.cancel();
      this.regular = this.options.clock.after(inspectionMs, () => this.inspectNow());
    });
  }

  private async inspect(): Promise<void> {
    const { control } = this.options;
    const status = await control.status();
    this.countLost(status.lost);
    await this.attempt(() => this.ownership.inspect(status));
    const listed = await control.rules();
    const found: Tampering[] = [];
    if (status.enabled === off) found.push('off');
    // Locked rules are as they were when the subscription was made; they cannot vanish any more.
    const { missing } = compareRules(listed, [...this.wanted, ...this.watches.wanted]);
    const takenAway = this.watches.takenAway(missing);
    if (status.enabled !== locked && takenAway.length > 0) found.push('rules');

    let repaired = true;
    let reason = '';
    try {
      await this.ownership.claimIfFree(status);
      if (status.enabled === off) await this.changes.set('enabled', this.enabledBefore, on);
      await this.reconcile(listed, status.enabled === locked);
    } catch (error) {
      repaired = false;
      reason = explainRefusal(error);
    }
    this.blindTime.inspected({ found, repaired, reason }, this.options.clock.monotonicMs());
    this.tellState(await control.status(), await control.rules(), reason);
  }

  private countLost(lost: number): void {
    // The counter goes back when somebody resets it (auditctl --reset-lost).
    const more = lost >= this.lastLost ? lost - this.lastLost : lost;
    this.lastLost = lost;
    if (more > 0) this.options.lose('kernelLost', more);
  }

  private tellState(status: AuditStatus, listed: readonly ListedRule[], reason = ''): void {
    const limitations = [
      reason,
      status.enabled === locked && compareRules(listed, this.wanted).missing.length > 0
        ? 'The audit rules are locked until the next boot (auditctl -e 2) and ours are not among them: only what the locked rules record is seen.'
        : '',
      hidingRules(listed) ?? '',
      this.options.blindSpot ?? '',
      !this.ownership.held && status.ownerPid === 0
        ? 'Nobody owns audit, so the kernel also prints every record to its log.'
        : '',
    ].filter((text) => text !== '');
    this.options.onState({
      source: this.ownership.held ? 'audit-owner' : 'audit-multicast',
      ...(limitations.length > 0 ? { limitation: limitations.join(' ') } : {}),
    });
  }

  /** For steps that must not stop the ones after them; the next inspection sees what is still wrong. */
  private async attempt(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.options.onProblem(explainRefusal(error));
    }
  }
}

interface AuditGuardOptions {
  readonly control: AuditControl;
  readonly clock: Clock;
  /** `never`: leave ownership to others even when nobody has it. */
  readonly own: 'auto' | 'never';
  readonly ownPid: number;
  readonly isAlive: (pid: number) => boolean;
  readonly note: ChangeNote;
  /** What audit of this kernel cannot record, whatever the rules; one sentence. */
  readonly blindSpot?: string | undefined;
  readonly lose: ReportLoss;
  readonly onState: (state: SourceState) => void;
  /** The paths that no watch rule is in force for, whenever that may have changed. */
  readonly onUnwatched?: (paths: readonly string[]) => void;
  /** Somebody took our sight away; one sentence for the operator. */
  readonly onTampering: (sentence: string) => void;
  /** A step failed that will be tried again, or that cannot be repaired at the end. */
  readonly onProblem: (sentence: string) => void;
}

/** `audit_log_rule_change` in `kernel/auditfilter.c`; kernels before 3.16 quote the words. */
function isOwnRuleAdded(announcement: string): boolean {
  return announcement.includes(`key="${ruleKey}"`) && /\bop="?add[_ ]rule\b/u.test(announcement);
}

const [off, on] = [0, 1];
const enoughBacklog = 8192;
const mostUndoTries = 3;
const inspectionMs = 30_000;
const noticeMs = 200;
const staysLocked =
  'The configuration of audit was locked while the agent ran (auditctl -e 2): the rules of this agent stay until the next boot.';
