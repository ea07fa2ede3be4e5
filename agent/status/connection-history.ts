import type { Clock } from '../../base/clock.js';
import type { LinkListener, LinkState } from '../hub/link-state.js';
import type { StatusDocument } from './document.js';

interface ObservedLink {
  readonly state: LinkState;
  listen(listener: LinkListener): () => void;
}

/** The state of the connection, and since when it has been in it. */
export class ConnectionHistory {
  private sinceMs: number;
  private disconnectedSinceMs: number;
  private failure: string | undefined;

  constructor(
    private readonly link: ObservedLink,
    private readonly clock: Clock,
    /** Grows with the time over which the fleet connects. */
    private readonly toleratedMs: () => number,
  ) {
    this.sinceMs = this.disconnectedSinceMs = clock.monotonicMs();
    let wasConnected = false;
    link.listen({
      onState: (state) => {
        this.sinceMs = clock.monotonicMs();
        const connected = state.name === 'connected';
        if (wasConnected && !connected) this.disconnectedSinceMs = this.sinceMs;
        if (connected) this.failure = undefined;
        else if (state.name === 'waiting') this.failure = state.failure.message;
        wasConnected = connected;
      },
    });
  }

  tell(): StatusDocument['connection'] {
    const { state } = this.link;
    const waitMs = waitOf(state);
    const nowMs = this.clock.monotonicMs();
    const seconds = (sinceMs: number): number => Math.round((nowMs - sinceMs) / 1000);
    return {
      state: state.name,
      seconds: seconds(this.sinceMs),
      disconnectedSeconds: state.name === 'connected' ? 0 : seconds(this.disconnectedSinceMs),
      toleratedSeconds: this.toleratedMs() / 1000,
      ...(this.failure === undefined ? {} : { failure: this.failure }),
      ...(waitMs === undefined
        ? {}
        : { retryInSeconds: Math.max(0, Math.round(waitMs / 1000) - seconds(this.sinceMs)) }),
    };
  }
}

/** From the beginning of a state to the next attempt. */
function waitOf(state: LinkState): number | undefined {
  if (state.name === 'waiting') return state.retryInMs;
  return state.name === 'starting' ? state.connectInMs : undefined;
}
