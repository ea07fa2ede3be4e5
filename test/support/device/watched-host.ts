import { expect } from 'vitest';
import { systemClock } from '../../../base/clock.js';
import type { LossCause } from '../../../base/loss.js';
import { isUnavailable } from '../../../base/unavailable.js';
import { createHost } from '../../../collectors/host.js';
import type { Observation, TriggeredCollector } from '../../../collectors/interface/collector.js';
import type { Host, HostSettings } from '../../../collectors/interface/host.js';
import type { SourceState } from '../../../collectors/kernel/source-state.js';
import type { TriggeredName } from '../../../contract/events.js';
import { checkPayload } from '../../../contract/payload-check.js';

/** What one collector told since it was armed. */
export interface Watch<N extends TriggeredName> {
  readonly observed: Observation<N>[];
  readonly states: SourceState[];
  readonly losses: Map<LossCause, number>;
}

/** The host of this machine for collectors without the rest of the agent; whatever they tell must be valid. */
export class WatchedHost {
  private readonly undo: (() => Promise<void>)[] = [];

  private constructor(readonly host: Host) {}

  static async start(settings: Partial<HostSettings> = {}): Promise<WatchedHost> {
    const host = createHost({
      clock: systemClock,
      settings: {
        processSource: 'auto',
        processPollingInterval: { text: 'PT0.1S', ms: 100 },
        connectionSource: 'auto',
        loginSource: 'auto',
        inventoryDirectory: '/nonexistent',
        stateDirectory: '/nonexistent/state',
        runtimeDirectory: '/nonexistent/run',
        reportLoopbackConnections: true,
        executableHashBytesPerSecond: 16_777_216,
        audit: { own: 'auto', receiveBufferBytes: 8_388_608 },
        ...settings,
      },
      onTampering: () => undefined,
      onProblem: () => undefined,
    });
    await host.start();
    const watched = new WatchedHost(host);
    watched.undo.push(() => host.stop());
    return watched;
  }

  /** Arms a collector, with `parts` instead of those of the host. */
  async watch<N extends TriggeredName>(
    collector: TriggeredCollector<N>,
    parts: Partial<Host> = {},
  ): Promise<Watch<N>> {
    const told: Watch<N> = { observed: [], states: [], losses: new Map() };
    const running = await collector.start({
      host: { ...this.host, ...parts },
      clock: systemClock,
      emit: (observation) => {
        expect(checkPayload(collector.name, observation.payload)).toBeUndefined();
        told.observed.push(observation);
      },
      lose: (cause, count) => told.losses.set(cause, (told.losses.get(cause) ?? 0) + count),
      setSource: (state) => told.states.push(state),
      fail: (error) => {
        throw error;
      },
    });
    if (isUnavailable(running)) throw new Error(running.unavailable);
    this.undo.push(() => running.stop());
    return told;
  }

  /** Ends the collectors, the last first, and then the host. */
  async stop(): Promise<void> {
    for (const step of this.undo.splice(0).reverse()) await step();
  }
}
