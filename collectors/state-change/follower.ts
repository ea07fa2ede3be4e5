import type { Clock, Timer } from '../../base/clock.js';
import { withDeadline } from '../../base/deadline.js';
import { reasonOf } from '../../base/errors.js';
import type { ReportLoss } from '../../base/loss.js';
import { isUnavailable, type Unavailable } from '../../base/unavailable.js';
import type { RunningCollector } from '../interface/collector.js';
import type { Host } from '../interface/host.js';
import type { Items, Subject, Who } from '../interface/state-subject.js';
import { type Difference, differencesBetween } from './difference.js';
import { Marks, parseRemembered, storedForm } from './remembered.js';

/** A tool that changes one account writes several files. */
const quietMs = 1_000;
/** While something goes on changing, the processor and the disk are for that. */
const betweenLooksMs = 5_000;
/** Looks take at most a fifth of the time, unless the next would come later than so long after the last. */
const restsPerLook = 4;
const longestRestMs = 20_000;
const usualPollMs = 60_000;
const lookDeadlineMs = 60_000;
/** The time of a look that found nothing new is written so often. */
const freshMs = 3_600_000;
/** More than a device has; all are held in memory, and written to a file of at most 1 MiB. */
const mostItems = 10_000;
const mostCharacters = 300_000;

/** What a look found different. */
export interface Found {
  readonly differences: readonly Difference[];
  /** Of the one who did it, where one is known. */
  readonly who?: Who;
  /** At the first look of a run: when an earlier run had looked, wall clock, ms. */
  readonly notBeforeMs?: number;
}

interface FollowerOptions {
  readonly subject: Subject;
  readonly host: Host;
  readonly clock: Clock;
  readonly lose: ReportLoss;
  readonly onFound: (found: Found) => void;
  /** `limitation` is another. */
  readonly onState: () => void;
}

/**
 * Follows one subject: looks at the start, soon after each change that is noticed, and from time to time where none is.
 *
 * 1. Looks never overlap; after a change one begins within `quietMs`, but never sooner than `betweenLooksMs` after the last
 *    began, and later where looks take long.
 * 2. The first look ever finds nothing different. What a look could not see stays as it was known.
 * 3. What is found is told before it is remembered.
 * 4. Nothing runs while the subject is watched and nothing changes.
 */
export class Follower {
  private known: Items | undefined;
  private writtenMs = Number.NEGATIVE_INFINITY;
  /** Set until the first look of this run that saw something. */
  private rememberedMs: number | undefined;
  private marks = new Marks(undefined);
  private watching: RunningCollector | undefined;
  private notWatched: string | undefined;
  /** What the watch does not notice. */
  private notNoticed: string | undefined;
  private notSeen: string | undefined;
  private timer: Timer | undefined;
  private dueMs = Number.POSITIVE_INFINITY;
  private lastStartMs = Number.NEGATIVE_INFINITY;
  private lastTookMs = 0;
  private looking: AbortController | undefined;
  /** How many times something may have changed. */
  private changes = 0;
  private whos: Who[] = [];
  private ended = false;

  constructor(private readonly options: FollowerOptions) {}

  /** What is not noticed at once or not seen, as a sentence; undefined when everything is. */
  get limitation(): string | undefined {
    const { name } = this.options.subject;
    if (this.notSeen !== undefined) return `${name} is not known: ${this.notSeen}`;
    if (this.notWatched === undefined) return this.notNoticed;
    return `${name} is looked at each ${this.pollMs / 1000} s only: ${this.notWatched}`;
  }

  /** Resolves when every change from then on is noticed, or it is known that it is not. Never rejects. */
  async start(): Promise<void> {
    const { host, subject } = this.options;
    const remembered = parseRemembered(await host.memory.read(this.memoryName));
    if (remembered !== undefined) {
      this.known = remembered.items;
      this.rememberedMs = remembered.lookedMs;
      this.marks = new Marks(remembered.key);
    }
    // What changes while the first look is made must lead to a second.
    if (!this.ended && subject.watch !== undefined) await this.arm();
    if (!this.ended) await this.look();
  }

  async stop(): Promise<void> {
    const isUpToDate = this.watching !== undefined && this.timer === undefined && !this.looking;
    this.ended = true;
    this.timer?.cancel();
    this.timer = undefined;
    this.looking?.abort();
    const { watching } = this;
    this.watching = undefined;
    await watching?.stop();
    // Nobody has told of a change up to now, so that now is when it was last seen so.
    if (isUpToDate && this.known !== undefined) this.remember(this.known, this.now());
  }

  private get memoryName(): string {
    return `state${this.options.subject.name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  }

  private get pollMs(): number {
    return this.options.subject.pollMs ?? usualPollMs;
  }

  private now(): number {
    return this.options.clock.wallMs();
  }

  private async arm(): Promise<void> {
    const started = await this.tryToWatch();
    if (this.ended) {
      if (!isUnavailable(started)) await started.stop();
      return;
    }
    if (isUnavailable(started)) {
      this.setLimitations(started.unavailable, this.notSeen);
    } else {
      this.watching = started;
      this.setLimitations(undefined, this.notSeen);
    }
  }

  private async tryToWatch(): Promise<RunningCollector | Unavailable> {
    const { host, lose, subject } = this.options;
    const life = { current: true };
    try {
      const watching = await subject.watch?.({
        host,
        lose,
        changed: (who) => {
          if (life.current) this.changed(who);
        },
        limit: (sentence) => {
          if (!life.current || sentence === this.notNoticed) return;
          this.notNoticed = sentence;
          this.options.onState();
        },
        fail: (error) => {
          if (!life.current) return;
          life.current = false;
          void this.unarm(error);
        },
      });
      return watching ?? { unavailable: 'Nothing tells of its changes.' };
    } catch (error) {
      return { unavailable: reasonOf(error) };
    }
  }

  private async unarm(error: Error): Promise<void> {
    const { watching } = this;
    this.watching = undefined;
    this.notNoticed = undefined;
    await watching?.stop();
    if (this.ended) return;
    this.setLimitations(error.message, this.notSeen);
    this.lookIn(quietMs);
  }

  private changed(who: Who | undefined): void {
    if (this.ended) return;
    this.changes++;
    // One more than are told: of two it is not known who did what.
    if (who !== undefined && this.whos.length < 2 && !this.whos.some(({ pid }) => pid === who.pid))
      this.whos.push(who);
    if (this.looking === undefined) this.lookIn(Math.max(quietMs, this.restMs()));
  }

  /** How long nothing is looked at yet. */
  private restMs(): number {
    const restMs = Math.min(restsPerLook * this.lastTookMs, longestRestMs);
    const dueMs = this.lastStartMs + Math.max(betweenLooksMs, this.lastTookMs + restMs);
    return dueMs - this.options.clock.monotonicMs();
  }

  /** One that is due sooner stays. */
  private lookIn(delayMs: number): void {
    const dueMs = this.options.clock.monotonicMs() + delayMs;
    if (this.timer !== undefined && this.dueMs <= dueMs) return;
    this.timer?.cancel();
    this.dueMs = dueMs;
    this.timer = this.options.clock.after(delayMs, () => {
      this.timer = undefined;
      void this.lookAgain();
    });
  }

  private async lookAgain(): Promise<void> {
    if (this.options.subject.watch !== undefined && this.watching === undefined) await this.arm();
    if (!this.ended) await this.look();
  }

  private async look(): Promise<void> {
    if (this.looking !== undefined) return;
    const abort = new AbortController();
    this.looking = abort;
    const { changes } = this;
    this.lastStartMs = this.options.clock.monotonicMs();
    const startedMs = this.now();
    const { whos } = this;
    this.whos = [];
    const outcome = await this.lookOnce(abort);
    this.looking = undefined;
    this.lastTookMs = this.options.clock.monotonicMs() - this.lastStartMs;
    if (this.ended) return;
    if (isUnavailable(outcome)) {
      this.setLimitations(this.notWatched, outcome.unavailable);
    } else {
      this.setLimitations(this.notWatched, undefined);
      this.conclude(outcome, startedMs, whos);
    }
    if (this.changes !== changes) this.lookIn(Math.max(quietMs, this.restMs()));
    else if (this.watching === undefined || this.notSeen !== undefined) this.lookIn(this.pollMs);
  }

  private async lookOnce(abort: AbortController): Promise<Items | Unavailable> {
    const { clock, host, lose, subject } = this.options;
    try {
      const looked = subject.look({
        ...{ host, lose, signal: abort.signal },
        known: this.known,
        mark: this.marks.of,
      });
      const items = await withDeadline(clock, lookDeadlineMs, looked, () => {
        abort.abort();
        return new Error(`a look took longer than ${lookDeadlineMs / 1000} s and was given up.`);
      });
      return isUnavailable(items) ? items : (tooMuch(items) ?? items);
    } catch (error) {
      return { unavailable: reasonOf(error) };
    }
  }

  private conclude(items: Items, startedMs: number, whos: readonly Who[]): void {
    const differences = this.known === undefined ? [] : differencesBetween(this.known, items);
    const { rememberedMs } = this;
    this.rememberedMs = undefined;
    const isFirst = this.known === undefined;
    const [who, another] = whos;
    const { subject } = this.options;
    const told = differences.filter(
      ({ before, item }) => before !== undefined || subject.isOld?.(item) !== true,
    );
    if (told.length > 0) {
      this.options.onFound({
        differences: told,
        ...(who !== undefined && another === undefined && { who }),
        ...(rememberedMs !== undefined && { notBeforeMs: rememberedMs }),
      });
    }
    const isOld = Math.abs(startedMs - this.writtenMs) > freshMs;
    if (isFirst || differences.length > 0 || isOld) this.remember(items, startedMs);
    // Texts that are equal are those of before: two looks hold their memory once.
    if (differences.length > 0 || isFirst) this.known = items;
  }

  private remember(items: Items, lookedMs: number): void {
    const { key } = this.marks;
    this.writtenMs = lookedMs;
    this.options.host.memory.write(
      this.memoryName,
      storedForm({ items, lookedMs, ...(key !== undefined && { key }) }),
    );
  }

  private setLimitations(notWatched: string | undefined, notSeen: string | undefined): void {
    if (notWatched === this.notWatched && notSeen === this.notSeen) return;
    this.notWatched = notWatched;
    this.notSeen = notSeen;
    this.options.onState();
  }
}

function tooMuch(items: Items): Unavailable | undefined {
  let characters = 0;
  for (const [item, text] of items) characters += item.length + text.length;
  if (items.size <= mostItems && characters <= mostCharacters) return undefined;
  return {
    unavailable: `there are ${items.size} of ${characters} characters, more than the ${mostItems} of ${mostCharacters} that are compared.`,
  };
}
