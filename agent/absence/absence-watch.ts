import type { Clock, Timer } from '../../base/clock.js';
import { withDeadline } from '../../base/deadline.js';
import type { JsonObject, JsonValue } from '../../base/json.js';
import { isUnavailable } from '../../base/unavailable.js';
import {
  readSentSignal,
  signalRules,
  type SentSignal,
} from '../../collectors/kernel/audit/sent-signal.js';
import type { AuditSource, AuditSubscription } from '../../collectors/kernel/audit/source.js';
import {
  absenceBetween,
  absencesWhileRunning,
  asksToEnd,
  isStop,
  letsGoOn,
  type Absence,
  type ServiceEnd,
} from './absence.js';
import { beatAsJson, laterBeat, parseBeat, type Beat, type Moment, type OwnEnd } from './moment.js';
import { ToldAbsences } from './told-absences.js';

interface AbsenceOptions {
  readonly clock: Clock;
  readonly moment: () => Moment;
  readonly ownPid: number;
  readonly traces: {
    take(): Promise<{ beat: Beat | undefined; systemd: ServiceEnd | undefined }>;
    leave(beat: Beat): Promise<void>;
  };
  /** For how long this process ran or waited for a processor; undefined where that is not known. */
  readonly busyMs: () => number | undefined;
  readonly audit: AuditSource;
  readonly tell: (absence: Absence) => void;
}

/** How often a sign of life is left. */
const beatMs = 20_000;
/** So long after the start, or after a standstill, what the kernel kept meanwhile is read for who did it. */
const settleMs = 3_000;
/** So long at most it waits for the rules of audit before it tells. */
const askMs = 10_000;
/** Shorter ones are of a debugger, or nobody's business. */
const leastStopMs = 1_000;
const auditRetryMs = 60_000;
const mostSignals = 32;
/** A sign of life may be so much older than the signal that was meant for its run. */
const slackMs = 60_000;
/** So long a stop waits at most for the record of who asked for it. */
const whoMs = 300;
/** Of a sign of life that was asked for: the signal is not older. */
const freshMs = 30_000;

/**
 * Knows for how long nobody watched the device, why, and by whom: between two runs, and while the agent was stopped, frozen
 * or asleep.
 *
 * 1. Each absence is told once; those that come fast are told together.
 * 2. While nothing happens nothing is written but a sign of life in the runtime directory.
 * 3. The rules on signals are set only beside those of a collector, and go with the last of them.
 * 4. Memory: 32 signals.
 */
export class AbsenceWatch {
  private before: Beat | undefined;
  private systemd: ServiceEnd | undefined;
  private hasToldReturn = false;
  private ended: OwnEnd | undefined;
  /** When this run began to watch. */
  private started: Moment | undefined;
  private lastLook: Moment | undefined;
  private lastBusyMs: number | undefined;
  private readonly signals: SentSignal[] = [];
  /** A SIGSTOP after which nothing was told to let the agent go on. */
  private openStop: SentSignal | undefined;
  /** Wall clock: until here each standstill is told. */
  private toldUntilMs = -Infinity;
  private readonly told: ToldAbsences;
  private subscription: AuditSubscription | undefined;
  /** Audit was in use: what the kernel records may come. */
  private hears = false;
  private isSubscribing = false;
  private tryAuditAtMs = -Infinity;
  private isStopped = false;
  private onAsked: () => void = () => undefined;
  private timers: Timer[] = [];

  constructor(private readonly options: AbsenceOptions) {
    this.told = new ToldAbsences(options.tell);
  }

  /** Takes what the run before left; `stored` is what `memory` gave it. */
  async restore(stored: JsonValue | undefined): Promise<void> {
    const { beat, systemd } = await this.options.traces.take();
    this.before = laterBeat(parseBeat(stored), beat);
    this.systemd = systemd;
  }

  /** For the next run, where the runtime directory is gone by then. */
  memory(): JsonObject {
    return beatAsJson(this.beat());
  }

  /** To be called when the collectors have started. */
  async start(): Promise<void> {
    this.started = this.lastLook = this.options.moment();
    await this.leaveBeat();
    void this.askAndTell();
  }

  /** The agent is ready without it: rules take their time where others change them. */
  private async askAndTell(): Promise<void> {
    const late = (): Error => new Error('late');
    await withDeadline(this.options.clock, askMs, this.followAudit(), late).catch(() => undefined);
    if (this.isStopped) return;
    this.later(settleMs, () => {
      this.tellReturn();
      void this.options.traces.leave(this.beat());
    });
  }

  /** To be called from time to time, `dueMs` after the last call. */
  look(dueMs: number): void {
    const { clock, moment } = this.options;
    const before = this.lastLook;
    if (before === undefined || this.isStopped) return;
    const now = moment();
    this.lastLook = now;
    if (now.sinceBootMs - before.sinceBootMs >= 2 * dueMs) this.judge(before, now, dueMs);
    this.told.tellDue(clock.monotonicMs());
    void this.followAudit();
  }

  /** The run ends: leaves that word at once, because what follows may take too long. */
  ends(how: OwnEnd): void {
    this.tellReturn();
    this.ended = how;
    void this.options.traces.leave(this.beat());
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    for (const timer of this.timers) timer.cancel();
    this.timers = [];
    this.told.tellDue(this.options.clock.monotonicMs(), true);
    // The subscription goes with the last of those that it accompanies.
    if (this.hears) await this.whoAsked();
    await this.options.traces.leave(this.beat());
  }

  /** The signal that ends the agent is there before the kernel tells of it. */
  private async whoAsked(): Promise<void> {
    if (this.ended !== 'asked' || this.beat().signal !== undefined) return;
    await new Promise<void>((resolve) => {
      this.onAsked = resolve;
      this.options.clock.after(whoMs, resolve);
    });
  }

  /** Never rejects. */
  private async leaveBeat(): Promise<void> {
    this.later(beatMs, () => void this.leaveBeat());
    await this.options.traces.leave(this.beat());
    this.lastBusyMs = this.options.busyMs();
  }

  private later(delayMs: number, action: () => void): void {
    const timer = this.options.clock.after(delayMs, () => {
      this.timers = this.timers.filter((other) => other !== timer);
      action();
    });
    this.timers.push(timer);
  }

  /** Until the return is told, a run that is killed leaves that to the next one. */
  private beat(): Beat {
    const { before, ended } = this;
    if (!this.hasToldReturn && before !== undefined) return before;
    const now = this.options.moment();
    const signal =
      ended === 'asked'
        ? this.signals.findLast(
            (each) =>
              each.target === this.options.ownPid &&
              asksToEnd(each) &&
              now.wallMs - each.timeMs <= freshMs,
          )
        : undefined;
    return {
      ...now,
      pid: this.options.ownPid,
      ...(ended !== undefined && { ended }),
      ...(signal !== undefined && { signal }),
    };
  }

  private tellReturn(): void {
    const { before, started: now, systemd } = this;
    if (this.hasToldReturn || now === undefined) return;
    this.hasToldReturn = true;
    if (before === undefined) return;
    const signals = this.signals.filter(
      ({ target, timeMs }) => target === before.pid && timeMs >= before.wallMs - slackMs,
    );
    const absence = absenceBetween({ before, now, signals, systemd });
    this.told.take(absence, this.options.clock.monotonicMs());
  }

  private judge(before: Moment, now: Moment, dueMs: number): void {
    const earlierMs = this.lastBusyMs;
    const busyMs = this.options.busyMs();
    const ranMs = busyMs === undefined || earlierMs === undefined ? 0 : busyMs - earlierMs;
    for (const absence of absencesWhileRunning(before, now, dueMs, ranMs)) {
      if (absence.cause === 'slept') this.told.take(absence, this.options.clock.monotonicMs());
      else this.later(settleMs, () => this.tellStandstill(absence));
    }
  }

  /** Unless the signals of its beginning and its end have told it. */
  private tellStandstill(absence: Absence): void {
    if (this.toldUntilMs >= absence.fromMs) return;
    const signal = this.openStop;
    this.openStop = undefined;
    this.toldUntilMs = absence.toMs;
    const told = signal === undefined ? absence : sinceSignal(absence, signal);
    this.told.take(told, this.options.clock.monotonicMs());
  }

  private async followAudit(): Promise<void> {
    const { audit, clock, ownPid } = this.options;
    const nowMs = clock.monotonicMs();
    if (this.isSubscribing || this.isStopped || nowMs < this.tryAuditAtMs) return;
    if (this.subscription !== undefined) return;
    this.isSubscribing = true;
    this.tryAuditAtMs = nowMs + auditRetryMs;
    try {
      const targets = new Set([ownPid, ...(this.before === undefined ? [] : [this.before.pid])]);
      const subscription = await audit.subscribe({
        name: 'Agent',
        rules: signalRules(ownPid),
        accompanies: true,
        onEvent: (event) => {
          const signal = readSentSignal(event, targets);
          if (signal !== undefined) this.noticed(signal);
        },
        // The collectors beside it are told the same, and count it.
        lose: () => undefined,
        onState: () => (this.hears = true),
        onFailed: () => (this.subscription = undefined),
      });
      if (isUnavailable(subscription)) return;
      if (this.hasEnded()) await subscription.end();
      else this.subscription = subscription;
    } finally {
      this.isSubscribing = false;
    }
  }

  /** Also while something was waited for. */
  private hasEnded(): boolean {
    return this.isStopped;
  }

  private noticed(signal: SentSignal): void {
    this.signals.push(signal);
    if (this.signals.length > mostSignals) this.signals.shift();
    // The run before may have had the same process id.
    const isOfThisRun = signal.timeMs >= (this.started?.wallMs ?? Infinity);
    if (signal.target !== this.options.ownPid || !isOfThisRun) return;
    if (asksToEnd(signal)) this.onAsked();
    if (isStop(signal)) this.openStop ??= signal;
    if (!letsGoOn(signal) || this.openStop === undefined) return;
    const { openStop } = this;
    this.openStop = undefined;
    const durationMs = signal.timeMs - openStop.timeMs;
    if (durationMs < leastStopMs) return;
    this.toldUntilMs = signal.timeMs;
    this.told.take(
      {
        cause: 'frozen',
        durationMs,
        fromMs: openStop.timeMs,
        toMs: signal.timeMs,
        signal: openStop,
      },
      this.options.clock.monotonicMs(),
    );
  }
}

/** The signal tells the beginning better than the last look, where the clock was not set in between. */
function sinceSignal(absence: Absence, signal: SentSignal): Absence {
  const { fromMs, toMs } = absence;
  const isWithin = signal.timeMs >= fromMs && signal.timeMs <= toMs;
  if (!isWithin) return { ...absence, signal };
  return { ...absence, signal, fromMs: signal.timeMs, durationMs: toMs - signal.timeMs };
}
