import type { ReportLoss } from '../../base/loss.js';
import type { Unavailable } from '../../base/unavailable.js';
import type { StateSubject } from '../../contract/changes.js';
import type { RunningCollector } from './collector.js';
import type { Host } from './host.js';

/**
 * The items of a subject, each by its name or path with what is known of it, as an operator shall read it: short, in the
 * same words whenever it is the same, and without anything secret. All of them are held in memory.
 */
export type Items = ReadonlyMap<string, string>;

/** Who made a change; what is not known is absent. */
export interface Who {
  readonly pid?: number;
  readonly executable?: string;
  /** Decimal. */
  readonly userId?: string;
}

/** A kind of thing of which the state-change collector tells what came, went or changed. */
export interface Subject {
  readonly name: StateSubject;
  /**
   * All items that are there now. Whatever kept it from seeing all of them is `Unavailable` (or thrown): then nothing is
   * told and what was known stays known, for "not seen" must not read as "removed".
   */
  look(context: LookContext): Promise<Items | Unavailable>;
  /** Notices changes; resolves when every change from then on is noticed. */
  watch?(context: SubjectWatchContext): Promise<RunningCollector | Unavailable>;
  /** How often to look where nothing is watched, or the watch cannot be had; at least 20 s. Absent: each minute. */
  readonly pollMs?: number;
  /** Who is behind an item that the last look found to have changed, where more is known than who did something lately. */
  whoOf?(item: string): Who | undefined;
  /** Whether an item that a look found was there before the first look ever, which could not see it: it is not told. */
  isOld?(item: string): boolean;
  /** What is told of two texts of an item, where that is not the texts themselves: one may hold a mark to compare by. */
  shown?(before: string | undefined, after: string | undefined): Shown;
}

export interface Shown {
  readonly before?: string;
  readonly after?: string;
}

export interface LookContext {
  readonly host: Host;
  /** Aborted when the look has taken too long. */
  readonly signal: AbortSignal;
  readonly lose: ReportLoss;
  /** What the look before found, in its order, also one of an earlier run; undefined at the first look ever. */
  readonly known: Items | undefined;
  /**
   * A mark of a secret, such as the hash of a password: the same as long as the secret is, also after a restart, and
   * nothing can be learned of the secret from it by whoever does not have the state directory.
   */
  readonly mark: (secret: string) => string;
}

export interface SubjectWatchContext {
  readonly host: Host;
  readonly lose: ReportLoss;
  /**
   * The items may not be what the last look found; as often as it likes. A look follows soon, and tells what is different.
   * @param who did it, where that is known; told with what the next look finds, unless several did something
   */
  readonly changed: (who?: Who) => void;
  /** What of the changes is not noticed soon, as a sentence, although the rest is; undefined when nothing is missing. */
  readonly limit: (sentence: string | undefined) => void;
  /** The watch broke for good; until it can be had again the subject is looked at from time to time. */
  readonly fail: (error: Error) => void;
}
