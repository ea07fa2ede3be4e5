/** What the status and the twin tell about one collector. */
export interface CollectorState {
  readonly state: 'off' | 'running' | 'unavailable' | 'failing';
  /** Where the facts come from while it runs. */
  readonly source?: string;
  /** What cannot be seen and why; absent when everything can. */
  readonly limitation?: string;
  /** What was counted since the start instead of being told one by one. */
  readonly counters?: Readonly<Record<string, number>>;
  /** When the last snapshot began, or the last event came; wall clock, milliseconds since the epoch. */
  readonly lastRunMs?: number;
  /** How long the last snapshot took. */
  readonly durationMs?: number;
}

export type Severity = 'Information' | 'Warning';

/** Tells the hub, in a sentence, that a collector gives nothing, why, and when it works again. */
export type Tell = (severity: Severity, sentence: string) => void;
