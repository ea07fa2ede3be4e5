/** Metered requests of one kind: how many in a day, their bytes, and their units of 4 KB. */
export interface Metered {
  readonly count: number;
  readonly bytes: number;
  readonly units: number;
}

/** What one device has the hub meter on a day, as a mean of five. */
export interface MeasuredDay {
  /** Messages, by their priority. */
  readonly high: Metered;
  readonly low: Metered;
  /** Of the twin, after each renewal of the token. */
  readonly reads: Metered;
  /** Of the reported properties. */
  readonly updates: Metered;
}

/** What `npm run simulate:fleet -- --measure` prints; a test measures it anew. Everything about fleets derives from it. */
export const measuredDay: MeasuredDay = {
  high: { count: 5, bytes: 175_485, units: 45.4 },
  low: { count: 4.8, bytes: 583_779, units: 144.4 },
  reads: { count: 1, bytes: 3027, units: 1 },
  updates: { count: 24, bytes: 1320, units: 24 },
};
