import { LossLedger } from '../../../agent/accounting/losses.js';
import { DevicePhase } from '../../../agent/fleet/device-phase.js';
import { FleetMoments } from '../../../agent/fleet/fleet-moments.js';
import {
  largestEventBytes,
  largestSnapshotBytes,
  propertiesSizeBytes,
  unitsOf,
} from '../../../agent/hub/message-size.js';
import type { OutgoingMessage } from '../../../agent/hub/message.js';
import { Aggregates } from '../../../agent/pipeline/aggregates.js';
import { OperationalEvents } from '../../../agent/pipeline/operational.js';
import { Outbox } from '../../../agent/pipeline/outbox.js';
import { Pipeline } from '../../../agent/pipeline/pipeline.js';
import { createRedactor } from '../../../agent/pipeline/redaction/redactor.js';
import { Spool } from '../../../agent/spool/spool.js';
import { agentStatus } from '../../../agent/status/agent-status.js';
import { mergePatch } from '../../../agent/twin/merge-patch.js';
import { ReportedProperties } from '../../../agent/twin/reported.js';
import { settingsInForce } from '../../../agent/twin/settings-in-force.js';
import { Uplink } from '../../../agent/uplink/uplink.js';
import type { JsonObject } from '../../../base/json.js';
import { silentLog } from '../../../base/log.js';
import { collectors } from '../../../collectors/registry.js';
import { evaluateTwin } from '../../../config/evaluate-twin.js';
import { standardLocalSettings } from '../../../config/parse-local-settings.js';
import { Settings } from '../../../config/settings.js';
import { configurationObjectName } from '../../../config/twin-settings.js';
import { FakeClock, settle } from '../../../test/support/fake-clock.js';
import { MemoryFiles } from '../../../test/support/memory-files.js';
import type { Metered, MeasuredDay } from './measured.js';
import { type Happening, snapshots } from './ordinary-day.js';

const dayMs = 86_400_000;
/** The intervals of low messages divide five days evenly: 24 of five hours. */
const days = 5;
const startMs = Date.UTC(2026, 2, 2);
const device = 'ordinary.azure-devices.net/gateway-1/azureiotsecurity';

class Meter {
  private readonly sums = { count: 0, bytes: 0, units: 0 };

  add(bytes: number): void {
    this.sums.count += 1;
    this.sums.bytes += bytes;
    this.sums.units += unitsOf(bytes);
  }

  perDay(): Metered {
    const { count, bytes, units } = this.sums;
    return { count: count / days, bytes: Math.round(bytes / days), units: units / days };
  }
}

function meters() {
  return { high: new Meter(), low: new Meter(), reads: new Meter(), updates: new Meter() };
}

/**
 * Lets the agent live through the same day six times with its default settings, under a clock of its own, and meters
 * all but the first. Everything between the collectors and the wire is the agent's own; the hub takes all at once.
 */
export async function measureDay(day: readonly Happening[]): Promise<MeasuredDay> {
  const clock = new FakeClock(startMs);
  const agent = await LivingAgent.start(clock);
  for (let number = 0; number <= days; number++) {
    if (number === 1) agent.meters = meters();
    for (const { atMs, name, payload } of day) {
      await clock.advance(Math.max(0, number * dayMs + atMs - clock.monotonicMs()));
      agent.pipeline.observe(name, { timeMs: clock.wallMs(), payload });
      // An executable without its hash is counted by the collector.
      if (name === 'ProcessCreate' && payload.ExtraDetails?.['Hash'] === '')
        agent.losses.count(name, 'hashSkipped', 1);
    }
    await clock.advance((number + 1) * dayMs - clock.monotonicMs());
  }
  const { high, low, reads, updates } = agent.meters;
  await agent.stop();
  return {
    high: high.perDay(),
    low: low.perDay(),
    reads: reads.perDay(),
    updates: updates.perDay(),
  };
}

/** The parts of the agent behind its collectors, connected all the time. */
class LivingAgent {
  meters = meters();
  private reported: JsonObject = {};

  private constructor(
    readonly losses: LossLedger,
    readonly pipeline: Pipeline,
    private readonly uplink: Uplink,
    private readonly aggregates: Aggregates,
    private readonly spool: Spool,
  ) {}

  static async start(clock: FakeClock): Promise<LivingAgent> {
    const losses = new LossLedger();
    const local = standardLocalSettings();
    const evaluation = evaluateTwin({}, undefined, configurationObjectName);
    const settings = new Settings(evaluation);
    const { snapshotFrequency } = settings.current;
    const moments = new FleetMoments(DevicePhase.of(device), clock, settings);
    const files = new MemoryFiles();
    const spool = await Spool.open({
      directory: '/spool',
      files,
      limitBytes: settings.current.maxLocalCacheSizeInBytes,
      clock,
      lose: (cause, count, queue) => losses.count(queue ?? 'spool', cause, count),
    });
    const outbox = new Outbox({
      spool,
      clock,
      losses,
      maxEventBytes: () => largestEventBytes(settings.current.maxMessageSizeInBytes),
      maxSnapshotBytes: () => {
        const { maxLocalCacheSizeInBytes, maxMessageSizeInBytes } = settings.current;
        return largestSnapshotBytes(maxMessageSizeInBytes, maxLocalCacheSizeInBytes);
      },
      aggregatedCategory: local.aggregatedCategory,
      markTime: () => undefined,
    });
    const aggregates = await Aggregates.open({
      directory: '/aggregates',
      files,
      clock,
      outbox,
      losses,
      settings,
      isDurable: () => true,
      maxEntries: local.aggregationMaxEntries,
      maxBytes: local.aggregationMaxBytes,
    });
    const pipeline = new Pipeline({
      own: { isOwn: () => false },
      redactor: createRedactor(local.redactionPatterns),
      maxCommandLineBytes: local.maxCommandLineBytes,
      aggregates: aggregates.coordinator,
      outbox,
      losses,
      settings,
    });
    const uplink = new Uplink({
      spool,
      link: {
        connected: true,
        connecting: false,
        send: (message) => living.take(message),
        listen: () => () => undefined,
      },
      settings,
      local,
      clock,
      random: () => 0.5,
      log: silentLog,
      moments,
      lose: (cause, count) => losses.count('uplink', cause, count),
      corrected: (event) => event,
      onLowDelayed: () => undefined,
      agentVersion: '1.0.0',
      agentId: '00000000-0000-4000-8000-000000000000',
    });
    const living: LivingAgent = new LivingAgent(losses, pipeline, uplink, aggregates, spool);
    const reporting = new ReportedProperties({
      send: (patch) => living.update(patch),
      clock,
      random: () => 0.5,
      log: silentLog,
      moments,
      objectName: configurationObjectName,
      configuration: () =>
        settingsInForce(evaluation.reported, (event) =>
          collectors.some(({ name }) => name === event),
        ),
      microAgentState: () => ({}),
      posture: () => undefined,
      status: () =>
        agentStatus({
          startedMs: startMs,
          desiredVersion: 1,
          dialect: 'contract',
          disabledEvents: [],
          problems: [],
          collectors: Object.fromEntries(
            collectors.map(({ name }) => [name, { state: 'running', source: 'audit-owner' }]),
          ),
          losses: losses.snapshot(),
        }),
    });
    const operational = new OperationalEvents({
      clock,
      pipeline,
      losses,
      settings,
      collected: () => outbox.collectedEvents,
      onMemoryChange: () => undefined,
      sent: () => uplink.sent(),
    });
    losses.onChange(() => reporting.changed(false));
    await aggregates.start();
    await uplink.start();
    operational.start();
    reporting.hubHas({});
    const snapshot = (): void => {
      for (const [name, payloads] of snapshots) pipeline.snapshot(name, payloads, clock.wallMs());
      clock.after(snapshotFrequency.ms, snapshot);
    };
    clock.after(moments.nextMs('snapshot', snapshotFrequency.ms), snapshot);
    // A renewal is a connection of its own, after which the twin is read.
    const renewal = (): void => {
      living.meters.reads.add(sizeOf({ desired: {}, reported: living.reported }));
      reporting.hubHas(living.reported);
      clock.after(moments.renewalMs(), renewal);
    };
    clock.after(moments.renewalMs(), renewal);
    await settle();
    return living;
  }

  async stop(): Promise<void> {
    await this.uplink.stop();
    await this.aggregates.stop();
    await this.spool.close();
  }

  private take(message: OutgoingMessage): Promise<void> {
    const bytes = Buffer.byteLength(message.body) + propertiesSizeBytes(message);
    this.meters[message.priority === 'High' ? 'high' : 'low'].add(bytes);
    return Promise.resolve();
  }

  private update(patch: JsonObject): Promise<void> {
    this.meters.updates.add(sizeOf(patch));
    this.reported = mergePatch(this.reported, patch);
    return Promise.resolve();
  }
}

function sizeOf(document: JsonObject): number {
  return Buffer.byteLength(JSON.stringify(document));
}
