import { BoundedMap } from '../../../base/bounded-map.js';
import type { Clock } from '../../../base/clock.js';

/** Sockets that listened on one end, and are closed. */
export interface ClosedListener {
  readonly inodes: readonly number[];
  /** The process that held them, where it was one and is known. */
  readonly pid: number | undefined;
}

/** Longer than anybody waits for the process of a connection. */
const keptMs = 10_000;
const mostKept = 1024;

/** Sockets that were seen to listen and are closed since: who took connections just before is still asked for. */
export class ClosedListeners {
  private readonly closed = new BoundedMap<string, ClosedListener & { readonly atMs: number }>(
    mostKept,
  );

  constructor(private readonly clock: Clock) {}

  /** @param key the `endpointKey` of the end */
  add(key: string, { inodes, pid }: ClosedListener): void {
    const atMs = this.clock.monotonicMs();
    this.closed.set(key, { inodes, pid, atMs });
    this.closed.forgetWhile((each) => each.atMs <= atMs - keptMs);
  }

  /** The first of these ends where somebody listened lately. */
  find(keys: readonly string[]): ClosedListener | undefined {
    const oldestMs = this.clock.monotonicMs() - keptMs;
    return keys
      .map((key) => this.closed.get(key))
      .find((each) => each !== undefined && each.atMs > oldestMs);
  }
}
