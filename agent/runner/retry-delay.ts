/** The delay before try `attempt` (from 1): doubling from `firstMs` up to `longestMs`. */
export function retryDelayMs(attempt: number, firstMs: number, longestMs: number): number {
  return Math.min(longestMs, firstMs * 2 ** Math.min(attempt - 1, 30));
}
