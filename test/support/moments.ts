import type { Moments } from '../../agent/fleet/fleet-moments.js';

/** A device whose moment in every interval is just now, in a fleet that is not spread. */
export const unspread: Moments = {
  nextMs: (_, periodMs) => periodMs,
  connectMs: (atLeastMs) => atLeastMs,
  reconnectMs: (backoffMs) => backoffMs,
  firstReadMs: () => 0,
  readMs: (atLeastMs) => atLeastMs,
  reportMs: (atLeastMs) => atLeastMs,
  renewalMs: () => 86_400_000,
};
