import type { Clock, Timer } from '../../../base/clock.js';
import type { SocketCall } from '../../kernel/audit/socket-call.js';
import { type Endpoint, endpointKey } from '../../kernel/sockets/endpoint.js';
import type { ObservedCall } from './processes.js';

interface Waiting {
  readonly call: ObservedCall;
  readonly key: string;
  dueMs: number;
}

/** What a claim asks for. */
export interface ConnectClaim {
  readonly remote: Endpoint;
  /** The process that connected, where it is known; otherwise its thread. */
  readonly pid: number | undefined;
  readonly isProcessKnown: boolean;
  /** When the connection began, which connect does before it returns. */
  readonly timeMs: number;
}

interface Debt extends ConnectClaim {
  readonly key: string;
  readonly dueMs: number;
}

interface ConnectionCallsOptions {
  readonly clock: Clock;
  /** TCP connections on their way that have no call yet, also those that nobody had the time to look at. */
  readonly expected: () => readonly ConnectClaim[];
  /** A connect that was no TCP: nobody claimed it. */
  readonly onUnclaimed: (call: ObservedCall) => void;
  readonly onOverflow: () => void;
}

const patienceMs = 2000;
const mostWaiting = 8192;
const mostDebts = 2048;
/** The time of an audit event is that of the call's beginning, so that the connection it makes begins later. */
const closeMs = 1000;
/** What a call may be later all the same: the two times come from two clocks, of which one may be set between. */
const clockErrorMs = 10;
/** So long a record may come after its connection was told. */
const debtMs = 5000;

/**
 * Audited calls that wait to be claimed by the TCP connection they belong to, which another source tells.
 *
 * 1. A call is claimed once; one that comes later than its connection is claimed when it comes.
 * 2. Audit does not say what kind of socket it was: a finished connect that nobody claims was not TCP.
 * 3. Nothing waits longer than `patienceMs` unless a TCP connection may still claim it, which on a slow or busy device
 *    can take longer; no more than `mostWaiting` calls wait.
 */
export class ConnectionCalls {
  private readonly waiting = new Map<string, Waiting[]>();
  /** In the order they came. */
  private order: Waiting[] = [];
  private timer: Timer | undefined;
  /** Claims whose call has not come, oldest first. */
  private debts: Debt[] = [];

  constructor(private readonly options: ConnectionCallsOptions) {}

  add(call: ObservedCall): void {
    if (call.remote === undefined) return;
    const key = keyOf(call.call, call.remote);
    if (this.settles(key, call)) return;
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

  /** The connect that goes on in the background and belongs to an attempt, if it came. */
  claimBackground(claim: ConnectClaim): ObservedCall | undefined {
    const entry = this.find(keyOf('connect', claim.remote), claim, true);
    return entry && this.claim(entry);
  }

  /** Whether the connects of all these connections came, one for each. */
  hasConnects(claims: readonly ConnectClaim[]): boolean {
    const taken = new Set<Waiting>();
    return claims.every((claim) => {
      const waiting = this.waiting.get(keyOf('connect', claim.remote)) ?? [];
      const entry = waiting.find((each) => !taken.has(each) && belongs(each.call, claim));
      if (entry !== undefined) taken.add(entry);
      return entry !== undefined;
    });
  }

  /** The connect that belongs to a connection, if it came; if not, it counts as claimed when it comes. */
  claimConnect(claim: ConnectClaim): ObservedCall | undefined {
    const key = keyOf('connect', claim.remote);
    const entry = this.find(key, claim, false);
    if (entry !== undefined) return this.claim(entry);
    this.debts.push({ ...claim, key, dueMs: this.options.clock.monotonicMs() + debtMs });
    if (this.debts.length > mostDebts) this.debts.shift();
    return undefined;
  }

  /** The first accept that names the other end of a connection, of those that may be believed. */
  claimAccept(
    remote: Endpoint,
    mayBelieve: (call: ObservedCall) => boolean,
  ): ObservedCall | undefined {
    const waiting = this.waiting.get(keyOf('accept', remote));
    const entry = waiting?.find(({ call }) => mayBelieve(call));
    return entry && this.claim(entry);
  }

  /** Lets everything go that still waits. */
  flush(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.release(Infinity);
  }

  private find(key: string, claim: ConnectClaim, inBackground: boolean): Waiting | undefined {
    return this.waiting
      .get(key)
      ?.find(({ call }) => (call.inProgress || !inBackground) && belongs(call, claim));
  }

  private settles(key: string, call: SocketCall): boolean {
    const nowMs = this.options.clock.monotonicMs();
    const [oldest] = this.debts;
    if (oldest !== undefined && oldest.dueMs <= nowMs)
      this.debts = this.debts.filter(({ dueMs }) => dueMs > nowMs);
    const index = this.debts.findIndex((debt) => debt.key === key && belongs(call, debt));
    if (index !== -1) this.debts.splice(index, 1);
    return index !== -1;
  }

  private claim(entry: Waiting): ObservedCall {
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
    const firstNotDue = this.order.findIndex(({ dueMs }) => dueMs > untilMs);
    const due = this.order
      .splice(0, firstNotDue === -1 ? this.order.length : firstNotDue)
      .filter((entry) => this.holds(entry));
    const isLast = untilMs === Infinity;
    const expected = !isLast && due.some(finished) ? this.expectedByKey() : undefined;
    for (const entry of due) {
      if (expected?.get(entry.key)?.some((claim) => belongs(entry.call, claim)) === true) {
        entry.dueMs = untilMs + patienceMs;
        this.order.push(entry);
        continue;
      }
      this.remove(entry);
      if (finished(entry)) this.options.onUnclaimed(entry.call);
    }
  }

  private expectedByKey(): Map<string, ConnectClaim[]> {
    const byKey = new Map<string, ConnectClaim[]>();
    for (const claim of this.options.expected()) {
      const key = keyOf('connect', claim.remote);
      const present = byKey.get(key);
      if (present === undefined) byKey.set(key, [claim]);
      else present.push(claim);
    }
    return byKey;
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

function finished({ call }: Waiting): boolean {
  return call.call === 'connect' && !call.inProgress;
}

/** Of the same process, or of any where the process is not known. */
function belongs(call: SocketCall, { pid, isProcessKnown, timeMs }: ConnectClaim): boolean {
  const earlierMs = timeMs - call.timeMs;
  if (call.call !== 'connect' || earlierMs > closeMs || earlierMs < -clockErrorMs) return false;
  return call.pid === pid || !isProcessKnown;
}

/** A connect to no address goes to the device itself (`ip_route_connect`, `net/ipv4/tcp_ipv4.c`). */
function keyOf(call: SocketCall['call'], remote: Endpoint): string {
  const { address } = remote;
  const meant = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
  return `${call} ${endpointKey({ ...remote, address: meant })}`;
}
