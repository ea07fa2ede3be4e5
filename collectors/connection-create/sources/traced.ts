import { type Unavailable, isUnavailable } from '../../../base/unavailable.js';
import type { Host } from '../../interface/host.js';
import type { OpenSource, Source, Told } from '../../interface/source.js';
import type { SocketCall } from '../../kernel/audit/socket-call.js';
import type {
  ObservedTransition,
  SocketStateSubscription,
} from '../../kernel/sockets/sock-state-trace.js';
import { subscribeCalls } from './call-subscription.js';
import type { ConnectionFacts } from './facts.js';
import { ConnectionTracking } from './tracking.js';

/** Connections from the trace of socket states, with the calls that audit records, which tell UDP and the process. */
export const tracedAndAudited: Source<ConnectionFacts> = {
  name: 'tracefs+audit',
  open: (host, told) => open(host, told, true),
};

/** Connections from the trace of socket states alone. */
export const traced: Source<ConnectionFacts> = {
  name: 'tracefs',
  open: (host, told) => open(host, told, false),
};

async function open(
  host: Host,
  told: Told<ConnectionFacts>,
  withCalls: boolean,
): Promise<OpenSource | Unavailable> {
  const { clock } = host;
  const armed: { trace?: SocketStateSubscription } = {};
  const untold = (): readonly ObservedTransition[] => armed.trace?.untold() ?? [];
  const tracking = new ConnectionTracking({ ...told, host, clock, withCalls, untold });
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
    const calls = await subscribeCalls(host, told, taker, (state) =>
      told.onState({ ...state, source: `tracefs+${state.source}` }),
    );
    if (isUnavailable(calls)) return calls;
    ends.push(() => calls.end());
  } else {
    told.onState({
      source: 'tracefs',
      limitation:
        'UDP is not seen, and the process of a connection may be unknown when it ends within milliseconds.',
    });
  }
  const following = await host.processes.follow({ onFailed: () => undefined });
  if (!isUnavailable(following)) ends.push(() => following.end());
  const ended = await host.endedSockets.subscribe({
    onEnded: (sockets) => tracking.takeEnded(sockets),
    lose: told.lose,
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
      told.lose(cause, count);
    },
    onFailed: told.onFailed,
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
