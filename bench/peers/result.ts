import { spread, type Spread } from './statistics.js';
import type { Amount, Figures } from './measure.js';

/** Of one watcher over all rounds. */
export interface Measured {
  readonly name: string;
  readonly title: string;
  /** Why it has no figures. */
  readonly unavailable?: string;
  readonly version?: string;
  readonly figures: Readonly<Record<string, Spread>>;
}

/** Points of a curve: what was varied, and figures for each. */
export interface Curve {
  readonly name: string;
  readonly title: string;
  /** What `x` counts. */
  readonly unit: string;
  readonly points: readonly { readonly x: number; readonly figures: Figures }[];
}

/** CPU of a part of the agent in the storm, in microseconds for each program. */
export interface ProfilePart {
  readonly part: string;
  readonly us: number;
}

/** What a run leaves behind: `bench/results/peers.json`. */
export interface Result {
  /** Day of the run, and the version of the project that was measured. */
  readonly date: string;
  readonly commit: string;
  readonly quick: boolean;
  /** What a reader has to know of this run beside, in a sentence. */
  readonly note?: string;
  readonly rounds: number;
  readonly amount: Amount;
  readonly machine: Readonly<Record<string, string>>;
  readonly watchers: readonly Measured[];
  /** Memory of a bare `node`, in KB. */
  readonly bareNode: Figures;
  readonly curves: readonly Curve[];
  readonly profiles: readonly { readonly title: string; readonly parts: readonly ProfilePart[] }[];
}

/** Puts the rounds of a watcher together, figure by figure. */
export function together(rounds: readonly Figures[]): Readonly<Record<string, Spread>> {
  const names = [...new Set(rounds.flatMap((figures) => Object.keys(figures)))];
  return Object.fromEntries(
    names.flatMap((name) => {
      const of = spread(rounds.map((figures) => figures[name]));
      return of === undefined ? [] : [[name, of] as const];
    }),
  );
}

/** Shortest text that tells enough: three digits, so that results stay small and equal runs equal. */
export function rounded(value: unknown): unknown {
  if (typeof value === 'number') return Number(value.toPrecision(value >= 1000 ? 5 : 3));
  if (Array.isArray(value)) return value.map(rounded);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, rounded(of)]));
}
