import type { Timer } from '../../base/clock.js';
import { BestSource } from '../interface/best-source.js';
import type {
  RunningCollector,
  TriggeredCollector,
  TriggeredContext,
} from '../interface/collector.js';
import { isLoopback } from '../kernel/sockets/endpoint.js';
import type { SourceState } from '../kernel/source-state.js';
import { observationOf } from './payload.js';
import { type Connection, type ConnectionFacts, failedConnect } from './sources/facts.js';
import { connectionSources } from './sources/index.js';

/** Every TCP connection made or accepted, and every UDP connect, from the best source that works. */
export const connectionCreate: TriggeredCollector<'ConnectionCreate'> = {
  kind: 'triggered',
  name: 'ConnectionCreate',
  async start(context) {
    const watch = new ConnectionWatch(context);
    const unavailable = await watch.start();
    return unavailable ?? watch;
  },
};

/** The number of failed connects is told at most this often. */
const countersEveryMs = 60_000;

/**
 * 1. Connections that could not be made are counted as `failedConnects` of the source's state, not told and no loss.
 * 2. With `reportLoopbackConnections` false, what stays on the device is not told.
 * 3. After `stop` nothing is told.
 */
class ConnectionWatch implements RunningCollector {
  private readonly best: BestSource<ConnectionFacts>;
  private state: SourceState | undefined;
  private failedConnects = 0;
  private timer: Timer | undefined;

  constructor(private readonly context: TriggeredContext<'ConnectionCreate'>) {
    this.best = new BestSource({
      ...context,
      sources: connectionSources,
      setting: context.host.settings.connectionSource,
      setSource: (state) => {
        this.state = state;
        this.tellState();
      },
      onFacts: (facts) => {
        if (facts === failedConnect) this.count();
        else this.tell(facts);
      },
    });
  }

  start() {
    return this.best.start();
  }

  async stop(): Promise<void> {
    await this.best.stop();
    this.timer?.cancel();
  }

  private tell(connection: Connection): void {
    const { remote } = connection;
    const { host, emit } = this.context;
    if (!host.settings.reportLoopbackConnections && isLoopback(remote)) return;
    emit(observationOf(connection));
  }

  private count(): void {
    this.failedConnects++;
    if (this.timer === undefined) this.tellCount();
  }

  private tellCount(): void {
    this.tellState();
    const { failedConnects } = this;
    this.timer = this.context.clock.after(countersEveryMs, () => {
      this.timer = undefined;
      if (this.failedConnects !== failedConnects) this.tellCount();
    });
  }

  private tellState(): void {
    if (this.state === undefined) return;
    const { failedConnects } = this;
    this.context.setSource({
      ...this.state,
      ...(failedConnects > 0 && { counters: { failedConnects } }),
    });
  }
}
