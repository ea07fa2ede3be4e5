/** Where a triggered collector currently gets its facts, visible in the status and in the twin. */
export interface SourceState {
  /** For example `audit-multicast`, `audit-owner`, `proc-connector`, `polling`. */
  readonly source: string;
  /** What this source cannot see, or why a better one is not in use; absent for the best source. */
  readonly limitation?: string;
  /** What was counted since the start instead of being told one by one, by name; no losses. */
  readonly counters?: Readonly<Record<string, number>>;
}
