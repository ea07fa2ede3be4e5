import type { Clock, Timer } from '../../../base/clock.js';
import type { LossCause } from '../../../base/loss.js';
import { Turns } from '../../../base/turns.js';
import { isUnavailable, type Unavailable } from '../../../base/unavailable.js';
import type { SourceState } from '../source-state.js';
import { EventAssembler } from './assembler.js';
import type { ChangeNote } from './change-note.js';
import type { AuditControl } from './control.js';
import { EarlyEvents } from './early-events.js';
import type { AuditEvent } from './event.js';
import { auditTypes, lacksCall } from './event.js';
import { ForeignRecords, type WriteSystemLog } from './foreign.js';
import { AuditGuard } from './guard.js';
import { parseRecord } from './record.js';
import { encodeRules } from './rules.js';
import { SerialGaps } from './serials.js';
import type { AuditRule, AuditSource, AuditSubscriber, AuditSubscription } from './source.js';
import type { AuditStream, OpenAuditStream } from './stream.js';
import { abisOf, type Abi, takesX32 } from './syscalls.js';
import { isOfUnknownAbi } from './system-call.js';
import type { UnreadTime } from './unread-time.js';

/**
 * The audit stream of the device, shared by all collectors that need it.
 *
 * 1. The first subscription opens sockets and prepares audit, the end of the last takes everything back.
 * 2. The rules in force are exactly those of the present subscribers.
 * 3. A subscription that cannot be had leaves nothing changed.
 * 4. Every loss is told to everyone who counts losses, once also where he subscribes twice: each may have missed the event
 *    that was lost.
 * 5. What was read before the end of a subscription is still delivered to it.
 * 6. Whoever only accompanies is no reason to open anything, and nothing is left open for it.
 * 7. What waited in a socket handed over by systemd is delivered to all who subscribe in the first moments.
 */
export class AuditFeed implements AuditSource {
  private readonly subscribers = new Set<AuditSubscriber>();
  /** Those whose end was asked for, and waits for its turn. */
  private readonly leaving = new Set<AuditSubscriber>();
  private active: Active | undefined;
  private readonly early: EarlyEvents;
  private readonly turns = new Turns();

  constructor(private readonly options: AuditFeedOptions) {
    this.early = new EarlyEvents(options.clock);
  }

  subscribe(subscriber: AuditSubscriber): Promise<AuditSubscription | Unavailable> {
    return this.turns.run(async () => {
      const abis = abisOf(this.options.machine);
      if (abis === undefined) {
        return {
          unavailable: `Audit rules cannot be set on ${this.options.machine}: the agent does not know its system call numbers.`,
        };
      }
      const subscription: AuditSubscription = {
        end: () => {
          this.leaving.add(subscriber);
          // Rules set meanwhile would be set in vain, which takes long while somebody deletes them.
          if (this.isOver()) this.active?.guard.endsSoon();
          return this.turns.run(() => this.leave(subscriber, abis));
        },
      };
      if (this.active === undefined && subscriber.accompanies === true) {
        this.subscribers.add(subscriber);
        return subscription;
      }
      const active = this.active ?? this.open();
      if (isUnavailable(active)) return active;
      this.active = active;
      // First what came before it: nothing can come in between.
      const early = this.early.before(subscriber.name);
      for (const event of early.events) subscriber.onEvent(event);
      if (early.missed > 0) subscriber.lose('assemblyOverflow', early.missed);
      this.subscribers.add(subscriber);
      const failure = await this.enforce(active, abis);
      if (failure !== undefined && subscriber.evenWithoutRules === true) {
        subscriber.onState({
          source: 'audit-multicast',
          limitation: `Only what the audit rules of others record is seen. ${failure.unavailable}`,
        });
      } else if (failure !== undefined) {
        await this.leave(subscriber, abis);
        return failure;
      }
      return subscription;
    });
  }

  /** Takes back what a run that was killed left changed, unless somebody has subscribed since. Never throws. */
  tidy(): Promise<void> {
    return this.turns.run(async () => {
      if (this.active !== undefined || this.options.note.read().size === 0) return;
      const active = this.open();
      if (isUnavailable(active)) return;
      this.active = active;
      await this.close();
    });
  }

  private open(): Active | Unavailable {
    const { clock, ownPid, own } = this.options;
    const active: { current: Active | undefined } = { current: undefined };
    const stream = this.options.openStream({
      onRecord: (type, text) => active.current && this.take(active.current, type, text),
      onOverflow: () => this.lose('socketOverflow', 1),
      onUnreadable: () => this.lose('unparsed', 1),
      onFailed: (reason) => void this.turns.run(() => this.fail(new Error(reason))),
    });
    if (isUnavailable(stream)) return stream;
    const control = this.options.openControl(() => active.current?.guard.yieldOwnership());
    if (isUnavailable(control)) {
      stream.close();
      return control;
    }
    const guard = new AuditGuard({
      control,
      clock,
      own,
      ownPid,
      isAlive: this.options.isAlive,
      note: this.options.note,
      blindSpot: takesX32(this.options.kernelCommandLine) ? x32BlindSpot : undefined,
      lose: (cause, count) => this.lose(cause, count),
      onState: (state) => this.tellState(state),
      onUnwatched: (paths) => {
        for (const subscriber of this.subscribers) subscriber.onUnwatched?.(paths);
      },
      onTampering: this.options.onTampering,
      onProblem: this.options.onProblem,
    });
    const foreign = new ForeignRecords(clock, ownPid, this.options.writeSystemLog, (count) =>
      this.lose('foreignAuditRecords', count),
    );
    const deliver = (event: AuditEvent): void => {
      if (lacksCall(event)) this.lose('recordsMissing', 1);
      else if (isOfUnknownAbi(event)) this.lose('unknownAbi', 1);
      if (guard.owning) foreign.take(event);
      this.early.note(event);
      for (const subscriber of this.subscribers) subscriber.onEvent(event);
    };
    active.current = {
      stream,
      control,
      guard,
      assembler: new EventAssembler(
        deliver,
        () => this.lose('assemblyOverflow', 1),
        undefined,
        () => this.lose('recordsMissing', 1),
      ),
      gaps: new SerialGaps(),
      tick: undefined,
      heard: false,
    };
    return active.current;
  }

  /** Puts the rules of all subscribers in force; the reason when that cannot be done. */
  private async enforce(active: Active, abis: readonly Abi[]): Promise<Unavailable | undefined> {
    const rules = [...this.subscribers].flatMap((subscriber) => subscriber.rules);
    const encoded = (isWanted: (rule: AuditRule) => boolean): readonly Buffer[] => {
      const all = rules
        .filter(isWanted)
        .flatMap((rule) => encodeRules(rule, abis, this.options.ownPid));
      return [...new Map(all.map((rule) => [rule.toString('latin1'), rule])).values()];
    };
    const answer = await active.guard.setRules(
      encoded((rule) => !('watch' in rule)),
      encoded((rule) => 'watch' in rule),
    );
    if (isUnavailable(answer)) return answer;
    if (answer.announced && !(await this.hears(active))) {
      return {
        unavailable:
          'The kernel took the audit rules but sends no records: they are only sent to the network namespace of the host; run the agent there.',
      };
    }
    return undefined;
  }

  /** The kernel announces each rule in the stream, so silence means that nothing can be read. */
  private async hears(active: Active): Promise<boolean> {
    const { clock } = this.options;
    for (let waitedMs = 0; !active.heard && waitedMs < announcementMs; waitedMs += pollMs) {
      await new Promise<void>((resolve) => clock.after(pollMs, resolve));
    }
    return active.heard;
  }

  private async leave(subscriber: AuditSubscriber, abis: readonly Abi[]): Promise<void> {
    if (!this.subscribers.has(subscriber)) return;
    this.leaving.add(subscriber);
    const ended = [...this.subscribers].filter((other) => this.leaving.has(other));
    if (this.isOver()) await this.close();
    for (const other of ended) {
      this.subscribers.delete(other);
      this.leaving.delete(other);
    }
    if (this.active !== undefined && this.subscribers.size > 0) {
      await this.enforce(this.active, abis);
    }
  }

  /** Nobody stays who is a reason to record anything. */
  private isOver(): boolean {
    return [...this.subscribers].every(
      (subscriber) => this.leaving.has(subscriber) || subscriber.accompanies === true,
    );
  }

  private async close(): Promise<void> {
    const { active } = this;
    if (active === undefined) return;
    await active.guard.restore();
    this.options.unread.rulesGone();
    active.stream.close();
    active.control.close();
    active.assembler.flush();
    const missing = active.gaps.giveUp();
    if (missing > 0) this.lose('serialGap', missing);
    active.tick?.cancel();
    this.active = undefined;
  }

  private async fail(error: Error): Promise<void> {
    if (this.active === undefined) return;
    await this.close();
    const failed = [...this.subscribers];
    this.subscribers.clear();
    this.leaving.clear();
    for (const subscriber of failed) subscriber.onFailed(error);
  }

  private take(active: Active, type: number, text: string): void {
    active.heard = true;
    const record = parseRecord(type, text);
    if (record === undefined) {
      this.lose('unparsed', 1);
      return;
    }
    const unreadSeconds = this.options.unread.see(record.serial, record.timeMs);
    if (unreadSeconds > 0) this.lose('unreadSeconds', unreadSeconds);
    const nowMs = this.options.clock.monotonicMs();
    if (type === auditTypes.configChange) {
      const agoMs = Math.max(0, this.options.clock.wallMs() - record.timeMs);
      active.guard.noticed(agoMs, record.body);
    }
    active.gaps.see(record.serial, nowMs);
    active.assembler.push(record, nowMs);
    this.schedule(active);
  }

  /** Looks again only while something waits. */
  private schedule(active: Active): void {
    if (active.tick !== undefined || !(active.assembler.waiting || active.gaps.waiting)) return;
    active.tick = this.options.clock.after(tickMs, () => {
      active.tick = undefined;
      this.giveUpWhatIsLate(active);
      this.schedule(active);
    });
  }

  /** What the agent itself has not read yet, because it was kept from running, is not late. */
  private giveUpWhatIsLate(active: Active): void {
    if (active.stream.read() === 'more' || this.active !== active) return;
    const nowMs = this.options.clock.monotonicMs();
    active.assembler.expire(nowMs);
    const missing = active.gaps.expire(nowMs);
    if (missing > 0) this.lose('serialGap', missing);
  }

  private tellState(state: SourceState): void {
    for (const subscriber of this.subscribers) subscriber.onState(state);
  }

  private lose(cause: LossCause, count: number): void {
    for (const lose of new Set([...this.subscribers].map((subscriber) => subscriber.lose)))
      lose(cause, count);
  }
}

export interface AuditFeedOptions {
  readonly clock: Clock;
  readonly openStream: OpenAuditStream;
  readonly openControl: (onReplace: () => void) => AuditControl | Unavailable;
  readonly writeSystemLog: WriteSystemLog;
  /** `never`: read the stream, but leave its ownership to others even when nobody has it. */
  readonly own: 'auto' | 'never';
  readonly ownPid: number;
  /** Counts the time before the first record of this run. */
  readonly unread: UnreadTime;
  /** Where changes of the audit status are noted. */
  readonly note: ChangeNote;
  /** Whether a process of that id exists. */
  readonly isAlive: (pid: number) => boolean;
  /** `uname -m`. */
  readonly machine: string;
  /** What the kernel was booted with, as in /proc/cmdline. */
  readonly kernelCommandLine: string;
  /** Somebody took our sight away; one sentence for the operator, worth a Diagnostic event. */
  readonly onTampering: (sentence: string) => void;
  /** A request failed that is not anybody's loss yet; one sentence for the log. */
  readonly onProblem: (sentence: string) => void;
}

interface Active {
  readonly stream: AuditStream;
  readonly control: AuditControl;
  readonly guard: AuditGuard;
  readonly assembler: EventAssembler;
  readonly gaps: SerialGaps;
  tick: Timer | undefined;
  heard: boolean;
}

const tickMs = 500;
const x32BlindSpot =
  'Audit does not record programs that x32 programs execute, nor their connections, and this kernel runs x32 programs (syscall.x32=y).';
const announcementMs = 1000;
const pollMs = 20;
