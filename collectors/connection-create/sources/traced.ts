import { type Unavailable, isUnavailable } from '../../../base/unavailable.js';
import type { Host } from '../../interface/host.js';
import type { SocketCall } from '../../kernel/audit/socket-call.js';
import type {
  ObservedTransition,
  SocketStateSubscription,
} from '../../kernel/sockets/sock-state-trace.js';
import { subscribeCalls } from './call-subscription.js';
import type { ConnectionListener, OpenSource } from './listener.js';
import { ConnectionTracking } from './tracking.js';

/** Connections from the trace of socket states; `withCalls`: with the calls that audit records, which tell UDP and the process. */
export async function openTraced(
  host: Host,
  listener: ConnectionListener,
  withCalls: boolean,
): Promise<OpenSource | Unavailable> {
  const { clock } = host;
  const armed: { trace?: SocketStateSubscription } = {};
  const untold = (): readonly ObservedTransition[] => armed.trace?.untold() ?? [];
  const tracking = new ConnectionTracking({ ...listener, host, clock, withCalls, untold });
  const ends: (() => Promise<void> | void)[] = [];
  const endAll = async (): Promise<void> => {
    for (const end of ends.splice(0)) await end();
  };
  // Audit first: a trace beside one that is in use already would tell everything twice while audit makes up its mind.
  if (withCalls) {
    const taker = {
      takeCall: (call: SocketCall) => {
        if (armed.trace !== undefined) tracking.takeCall(call);
      },
    };
    const calls = await subscribeCalls(host, listener, taker, (state) =>
      listener.onState({ ...state, source: `tracefs+${state.source}` }),
    );
    if (isUnavailable(calls)) return calls;
    ends.push(() => calls.end());
  } else {
    listener.onState({
      source: 'tracefs',
      limitation:
        'UDP is not seen, and the process of a connection may be unknown when it ends within milliseconds.',
    });
  }
  const following = await host.processes.follow({ onFailed: () => undefined });
  if (!isUnavailable(following)) ends.push(() => following.end());
  const ended = await host.endedSockets.subscribe({
    onEnded: (sockets) => tracking.takeEnded(sockets),
    lose: listener.lose,
    // The socket tables are looked at sooner then.
    onFailed: () => tracking.expectNoEnded(),
  });
  if (!isUnavailable(ended)) {
    tracking.expectEnded(() => ended.refresh());
    ends.push(() => ended.end());
  }
  const trace = await host.socketStates.subscribe({
    onTransitions: (transitions) => tracking.takeTransitions(transitions),
    lose: (cause, count) => {
      if (cause === 'traceOverrun') tracking.doubt();
      listener.lose(cause, count);
    },
    onFailed: listener.onFailed,
  });
  if (isUnavailable(trace)) {
    await endAll();
    return trace;
  }
  ends.unshift(() => trace.end());
  armed.trace = trace;
  tracking.begin();
  // What audit tells now may have happened before.
  tracking.doubt();
  return {
    end: async () => {
      await endAll();
      await tracking.end();
    },
  };
}
