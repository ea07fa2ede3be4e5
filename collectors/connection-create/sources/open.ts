import type { ReportLoss } from '../../../base/loss.js';
import type { Host } from '../../host.js';
import type { SourceState, Unavailable } from '../../interface/collector.js';
import { isUnavailable } from '../../interface/collector.js';
import {
  readSocketCall,
  type SocketCall,
  socketCallRules,
} from '../../kernel/audit/socket-call.js';
import type {
  ObservedTransition,
  SocketStateSubscription,
} from '../../kernel/sockets/sock-state-trace.js';
import type { Connection } from '../payload.js';
import { AuditedConnections } from './audit.js';
import { ConnectionPolling } from './polling.js';
import { ConnectionTracking } from './tracking.js';

/** The sources of connections, the best first. */
export const connectionSources = ['tracefs+audit', 'tracefs', 'audit', 'polling'] as const;
export type ConnectionSource = (typeof connectionSources)[number];

export interface ConnectionListener {
  readonly onConnection: (connection: Connection) => void;
  /** A connection could not be made. */
  readonly onFailedConnect: () => void;
  readonly lose: ReportLoss;
  readonly onState: (state: SourceState) => void;
  /** The source ended for good. */
  readonly onFailed: (error: Error) => void;
}

interface OpenSource {
  end(): Promise<void>;
}

/** Arms one source; every connection from then on is told, as far as the source can see it. */
export function openConnectionSource(
  source: ConnectionSource,
  host: Host,
  listener: ConnectionListener,
): Promise<OpenSource | Unavailable> {
  switch (source) {
    case 'tracefs+audit':
      return openTraced(host, listener, true);
    case 'tracefs':
      return openTraced(host, listener, false);
    case 'audit':
      return openAudit(host, listener);
    case 'polling':
      return openPolling(host, listener);
  }
}

async function openTraced(
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

function subscribeCalls(
  host: Host,
  listener: ConnectionListener,
  taker: Pick<ConnectionTracking, 'takeCall'>,
  onState: (state: SourceState) => void,
): Promise<OpenSource | Unavailable> {
  return host.audit.subscribe({
    name: 'ConnectionCreate',
    rules: socketCallRules,
    onEvent: (event) => {
      const call = readSocketCall(event);
      if (call === undefined) return;
      if (call.addressLost !== undefined) listener.lose(call.addressLost, 1);
      taker.takeCall(call);
    },
    lose: listener.lose,
    onState,
    onFailed: listener.onFailed,
  });
}

async function openAudit(
  host: Host,
  listener: ConnectionListener,
): Promise<OpenSource | Unavailable> {
  const audited = new AuditedConnections({ ...listener, host, clock: host.clock });
  const calls = await subscribeCalls(host, listener, audited, ({ source, limitation }) =>
    listener.onState({
      source,
      limitation: [
        limitation,
        'Local ports of short connections are unknown, and connections of programs that are older than audit are not seen.',
      ]
        .filter(Boolean)
        .join(' '),
    }),
  );
  if (isUnavailable(calls)) return calls;
  return {
    end: async () => {
      await calls.end();
      audited.end();
    },
  };
}

function openPolling(host: Host, listener: ConnectionListener): Promise<OpenSource | Unavailable> {
  const { clock, settings } = host;
  const { ms: intervalMs, text } = settings.processPollingInterval;
  const polling = new ConnectionPolling({ ...listener, host, clock, intervalMs });
  try {
    polling.start();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return Promise.resolve({ unavailable: `The sockets cannot be listed: ${reason}.` });
  }
  listener.onState({
    source: 'polling',
    limitation: `TCP connections that live shorter than ${text} may not be seen, or without their process.`,
  });
  return Promise.resolve({ end: () => polling.stop() });
}
