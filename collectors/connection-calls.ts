import type { Clock, Timer } from './clock.js';
import type { SocketCall } from './linux/audit/socket-call.js';
import { type Endpoint, endpointKey } from './linux/endpoint.js';

interface Waiting {
  readonly call: SocketCall;
  readonly key: string;
  readonly dueMs: number;
}

interface ConnectionCallsOptions {
  readonly clock: Clock;
  /** A connect that was no TCP: nobody claimed it. */
  readonly onUnclaimed: (call: SocketCall) => void;
  readonly onOverflow: () => void;
}

const patienceMs = 2000;
const mostWaiting = 8192;
/** The time of an audit event is that of the call's beginning, on a clock of 4 to 10 ms. */
const closeMs = 1000;

/**
 * Audited calls that wait to be claimed by the TCP connection they belong to, which another source tells.
 *
 * 1. A call is claimed once.
 * 2. Audit does not say what kind of socket it was: a finished connect that nobody claims was not TCP.
 * 3. Nothing waits longer than `patienceMs`, and no more than `mostWaiting` calls wait.
 */
export class ConnectionCalls {
  private readonly waiting = new Map<string, Waiting[]>();
  /** In the order they came. */
  private order: Waiting[] = [];
  private timer: Timer | undefined;

  constructor(private readonly options: ConnectionCallsOptions) {}

  add(call: SocketCall): void {
    if (call.remote === undefined) return;
    const key = keyOf(call.call, call.remote);
    const entry = { call, key, dueMs: this.options.clock.monotonicMs() + patienceMs };
    const present = this.waiting.get(key);
    if (present === undefined) this.waiting.set(key, [entry]);
    else present.push(entry);
    this.order.push(entry);
    if (this.order.length > 2 * mostWaiting) this.order = this.order.filter((e) => this.holds(e));
    if (this.order.length > mostWaiting) {
      const oldest = this.order.shift();
      if (oldest !== undefined && this.remove(oldest)) this.options.onOverflow();
    }
    this.arm();
  }

  /**
   * The connect that belongs to an attempt: one of the same process, or of any where the process is not known.
   * @param failed the attempt failed, so that only a connect in the background can belong to it
   */
  claimConnect(
    remote: Endpoint,
    pids: readonly number[],
    isProcessKnown: boolean,
    timeMs: number,
    failed: boolean,
  ): SocketCall | undefined {
    const candidates = (this.waiting.get(keyOf('connect', remote)) ?? []).filter(
      ({ call }) => Math.abs(call.timeMs - timeMs) <= closeMs && (!failed || call.inProgress),
    );
    const entry =
      candidates.find(({ call }) => pids.includes(call.pid)) ??
      (isProcessKnown ? undefined : candidates[0]);
    return entry && this.claim(entry);
  }

  claimAccept(remote: Endpoint): SocketCall | undefined {
    const entry = this.waiting.get(keyOf('accept', remote))?.[0];
    return entry && this.claim(entry);
  }

  /** Lets everything go that still waits. */
  flush(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.release(Infinity);
  }

  private claim(entry: Waiting): SocketCall {
    this.remove(entry);
    return entry.call;
  }

  private holds(entry: Waiting): boolean {
    return this.waiting.get(entry.key)?.includes(entry) === true;
  }

  private remove(entry: Waiting): boolean {
    const present = this.waiting.get(entry.key);
    const index = present?.indexOf(entry) ?? -1;
    if (present === undefined || index === -1) return false;
    present.splice(index, 1);
    if (present.length === 0) this.waiting.delete(entry.key);
    return true;
  }

  private release(untilMs: number): void {
    let released = 0;
    for (const entry of this.order) {
      if (entry.dueMs > untilMs) break;
      released++;
      if (!this.remove(entry)) continue;
      if (entry.call.call === 'connect' && !entry.call.inProgress)
        this.options.onUnclaimed(entry.call);
    }
    this.order.splice(0, released);
  }

  private arm(): void {
    const [next] = this.order;
    if (next === undefined || this.timer !== undefined) return;
    const { clock } = this.options;
    this.timer = clock.after(next.dueMs - clock.monotonicMs(), () => {
      this.timer = undefined;
      this.release(clock.monotonicMs());
      this.arm();
    });
  }
}

/** A connect to no address goes to the device itself (`ip_route_connect`, `net/ipv4/tcp_ipv4.c`). */
function keyOf(call: SocketCall['call'], remote: Endpoint): string {
  const { address } = remote;
  const meant = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
  return `${call} ${endpointKey({ ...remote, address: meant })}`;
}
