import type { Observation } from '../../collectors/collector.js';
import {
  events,
  type EventName,
  type Payload,
  type SnapshotName,
  type TriggeredName,
} from '../../collectors/events.js';
import { checkPayload } from '../../collectors/payload-check.js';
import type { Priority, TwinSettings } from '../../config/twin-settings.js';
import type { LossLedger } from '../losses.js';
import { cutText } from './fitting.js';
import type { Outbox } from './outbox.js';
import { queueOf } from './outbox.js';
import type { OwnProcesses } from './own-processes.js';
import type { Redactor } from './redaction.js';

/** Counts equal observations instead of passing each on. */
export interface Aggregator {
  add(name: TriggeredName, payload: Payload<TriggeredName>, timeMs: number): void;
}

interface PipelineOptions {
  readonly own: OwnProcesses;
  readonly redactor: Redactor;
  readonly maxCommandLineBytes: number;
  readonly aggregator: Aggregator;
  readonly outbox: Outbox;
  readonly losses: LossLedger;
  /** The settings in force at the moment of the call. */
  readonly settings: () => TwinSettings;
}

/**
 * What happens to a fact between its collector and the spool, in this order: the agent's own noise goes out, secrets
 * are masked, long texts are cut, the payload is checked against its declaration, equal ones are counted together,
 * and the priority chooses the queue.
 */
export class Pipeline {
  constructor(private readonly options: PipelineOptions) {}

  observe(name: TriggeredName, observation: Observation): void {
    const { aggregator, own, settings } = this.options;
    const { ProcessId, ParentProcessId } = observation.payload;
    if (own.isOwn(ProcessId, ParentProcessId)) return;
    const payload = this.prepare(name, observation);
    if (payload === undefined) return;
    if (settings()[`aggregationEnabled${name}`]) {
      if (this.priority(name) !== 'Off') aggregator.add(name, payload, observation.timeMs);
    } else {
      this.enqueue(name, payload, observation.timeMs);
    }
  }

  snapshot(name: SnapshotName, payloads: readonly Payload[], timeMs: number): void {
    const priority = this.priority(name);
    if (priority === 'Off') return;
    const valid = payloads.filter((payload) => this.isValid(name, payload));
    this.options.outbox.addSnapshot(queueOf(name, priority), name, valid, timeMs);
  }

  /** Journals something that the agent tells about itself, unless its priority is Off. */
  tell<N extends 'Diagnostic' | 'ConfigurationError'>(
    name: N,
    payload: Payload<N>,
    timeMs: number,
  ): void {
    if (this.isValid(name, payload)) this.enqueue(name, payload, timeMs);
  }

  /** Journals statistics of the agent, unless their priority is Off. */
  tellStatistics<N extends 'DroppedEventsStatistics' | 'MessageStatistics'>(
    name: N,
    payloads: readonly Payload<N>[],
    timeMs: number,
  ): void {
    const priority = this.priority(name);
    if (priority === 'Off') return;
    this.options.outbox.addSnapshot(queueOf(name, priority), name, payloads, timeMs);
  }

  private enqueue(name: EventName, payload: Payload, timeMs: number): void {
    const priority = this.priority(name);
    if (priority !== 'Off') this.options.outbox.add(queueOf(name, priority), name, payload, timeMs);
  }

  private priority(name: EventName): Priority {
    return this.options.settings()[`eventPriority${name}`];
  }

  private prepare(
    name: TriggeredName,
    { payload, argv }: Observation,
  ): Payload<TriggeredName> | undefined {
    const { losses, maxCommandLineBytes, redactor } = this.options;
    const joined = argv === undefined ? payload.CommandLine : redactor.redact(argv).join(' ');
    const { text, whole } = cutText(joined, maxCommandLineBytes);
    const prepared = { ...payload, CommandLine: text };
    if (whole !== undefined) {
      losses.count(name, 'commandLineCut', 1);
      prepared.ExtraDetails = {
        ...payload.ExtraDetails,
        CommandLineSizeBytes: String(whole.sizeBytes),
        CommandLineSha256: whole.sha256,
      };
    }
    return this.isValid(name, prepared) ? prepared : undefined;
  }

  private isValid(name: EventName, payload: Payload): boolean {
    if (checkPayload(name, payload) === undefined) return true;
    const queue = events[name].type === 'Operational' ? 'operational' : name;
    this.options.losses.count(queue, 'invalidEvent', 1);
    return false;
  }
}
