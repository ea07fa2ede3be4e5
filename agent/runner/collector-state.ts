/** What the status and the twin tell about one collector. */
export interface CollectorState {
  readonly state: 'off' | 'running' | 'unavailable' | 'failing';
  /** Where the facts come from while it runs. */
  readonly source?: string;
  /** What cannot be seen and why; absent when everything can. */
  readonly limitation?: string;
  /** How long the last snapshot took. */
  readonly durationMs?: number;
}
