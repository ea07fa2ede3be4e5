import { BoundedMap } from '../../../base/bounded-map.js';
import type { Clock } from '../../../base/clock.js';
import type { Paths } from '../paths.js';
import { readNetworkNamespace } from '../processes/proc.js';
import { type Endpoint, endpointKey } from './endpoint.js';

interface ListenCall {
  readonly pid: number;
  readonly atMs: number;
  asked: boolean;
}

const mostCalls = 1024;
/** Later the pid may be that of another process. */
const validMs = 10_000;

/** The last calls of listen(2): whom to ask for a socket, and who had one that was closed before it was looked at. */
export class ListenCalls {
  private readonly calls = new BoundedMap<string, ListenCall>(mostCalls);

  constructor(
    private readonly paths: Paths,
    private readonly clock: Clock,
  ) {}

  /** False when the process is known to be in another network namespace: then the call is left out. */
  add(local: Endpoint, pid: number): boolean {
    const namespace = readNetworkNamespace(this.paths, pid);
    if (namespace !== undefined && namespace !== readNetworkNamespace(this.paths, 'self'))
      return false;
    this.calls.set(endpointKey(local), { pid, atMs: this.clock.monotonicMs(), asked: false });
    return true;
  }

  /** The pid by the inode of each socket that listens and was not asked for yet. */
  *take(listening: ReadonlyMap<string, readonly number[]>): Generator<readonly [number, number]> {
    for (const [key, call] of this.calls) {
      // Process 1 listens for services that it starts later: nothing is gained by finding it.
      if (!call.asked && call.pid !== 1)
        for (const inode of listening.get(key) ?? []) yield [inode, call.pid];
      call.asked = true;
    }
  }

  /** Who called listen(2) lately on one of the `endpointKey`s, the first first. */
  pidOf(keys: readonly string[]): number | undefined {
    const oldestMs = this.clock.monotonicMs() - validMs;
    return keys
      .map((key) => this.calls.get(key))
      .find((call) => call !== undefined && call.atMs >= oldestMs)?.pid;
  }
}
