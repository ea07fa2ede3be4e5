import type { FileState } from './file-state.js';
import type { Doer } from './sources/touch.js';

/** A path that is not as it was. */
export interface FoundChange {
  readonly path: string;
  readonly change: 'Created' | 'Changed' | 'Deleted' | 'Renamed' | 'Mode' | 'Owner';
  readonly before: FileState | undefined;
  readonly after: FileState | undefined;
  /** Of a rename, where it was. */
  readonly renamedFrom?: string;
  /** When it happened or, where nobody saw it, when it was found; wall clock, ms. */
  readonly timeMs: number;
  readonly doer: Doer | undefined;
  /** It happened while the agent did not run, after this; wall clock, ms. */
  readonly notBeforeMs?: number;
}

/** Changes that were made together. */
export interface FoundChanges {
  /** The first of them. */
  readonly first: readonly FoundChange[];
  /** How many there are in all. */
  readonly count: number;
  /** When the first was found. */
  readonly timeMs: number;
  /** Who made all of them. */
  readonly doer: Doer | undefined;
  readonly notBeforeMs?: number;
}
