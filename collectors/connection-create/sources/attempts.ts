import { BoundedMap } from '../../../base/bounded-map.js';
import type { ReportLoss } from '../../../base/loss.js';
import { type Endpoint, endpointKey } from '../../kernel/sockets/endpoint.js';
import { tcpStates } from '../../kernel/sockets/sock-state.js';
import type { ObservedTransition } from '../../kernel/sockets/sock-state-trace.js';
import type { ConnectClaim } from './calls.js';
import type { ConnectionProcess } from './facts.js';
import type { ObservedCall } from './processes.js';

/** A connection that this side tries to make. */
export interface Attempt {
  readonly timeMs: number;
  readonly threadId: number;
  readonly process: ConnectionProcess | undefined;
  readonly remote: Endpoint;
  /** This end, once the other side was found to begin, too (RFC 9293 §3.5). */
  crossedAt: Endpoint | undefined;
  call: ObservedCall | undefined;
}

/**
 * The connections that this side tries to make, by the socket, from SYN_SENT until they are made or have failed. At most
 * `mostAttempts` are remembered; the oldest is given up and counted.
 */
export class Attempts implements Iterable<Attempt> {
  private readonly bySocket: BoundedMap<string, Attempt>;

  constructor(lose: ReportLoss) {
    this.bySocket = new BoundedMap(mostAttempts, () => lose('connectionsPending', 1));
  }

  begin(transition: ObservedTransition, process: ConnectionProcess | undefined): Attempt {
    const { socket, timeMs, threadId, remote } = transition;
    const begun = { timeMs, threadId, process, remote, crossedAt: undefined, call: undefined };
    this.bySocket.set(socket, begun);
    return begun;
  }

  /** The socket has gone on: made, failed, or used for something else. */
  forget(socket: string): void {
    this.bySocket.delete(socket);
  }

  /**
   * The attempt that a transition goes on with. The end of one may have been missed, and the kernel gives the memory of
   * its socket to another, which is accepted from elsewhere: so both ends have to be the same.
   */
  of(transition: ObservedTransition): Attempt | undefined {
    const { socket, oldState, local, remote } = transition;
    const attempt = this.bySocket.get(socket);
    if (attempt === undefined || endpointKey(attempt.remote) !== endpointKey(remote))
      return undefined;
    if (oldState === tcpStates.synSent) return attempt;
    const { crossedAt } = attempt;
    const isCrossed = crossedAt !== undefined && endpointKey(crossedAt) === endpointKey(local);
    return oldState === tcpStates.synReceived && isCrossed ? attempt : undefined;
  }

  /** The oldest first. */
  *[Symbol.iterator](): Iterator<Attempt> {
    for (const [, attempt] of this.bySocket) yield attempt;
  }
}

/** The claim of an attempt on the call that made it. */
export function claimOf({ remote, process, threadId, timeMs }: Attempt): ConnectClaim {
  return { remote, timeMs, pid: process?.pid ?? threadId, isProcessKnown: process !== undefined };
}

const mostAttempts = 8192;
