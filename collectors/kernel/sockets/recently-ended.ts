import { BoundedMap } from '../../../base/bounded-map.js';
import type { Clock } from '../../../base/clock.js';
import type { EndedSocket } from './ended-sockets-messages.js';
import { connectionKey } from './endpoint.js';

/** Longer than anybody waits for the process of a connection. */
const keptMs = 10_000;
const mostKept = 16_384;

/** The connections of the agent's network namespace that ended lately, a bounded number; the newest are kept. */
export class RecentlyEnded {
  /** When it was told, by the `connectionKey`, the oldest first. */
  private readonly ended = new BoundedMap<string, number>(mostKept);

  constructor(private readonly clock: Clock) {}

  add(sockets: readonly EndedSocket[]): void {
    const nowMs = this.clock.monotonicMs();
    for (const socket of sockets) this.ended.set(connectionKey(socket), nowMs);
    this.ended.forgetWhile((atMs) => atMs <= nowMs - keptMs);
  }

  has(key: string): boolean {
    const atMs = this.ended.get(key);
    return atMs !== undefined && atMs > this.clock.monotonicMs() - keptMs;
  }
}
