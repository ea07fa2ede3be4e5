import type { Observation } from '../../collectors/interface/collector.js';
import type { CurrentSettings } from '../../config/settings.js';
import {
  events,
  type EventName,
  type Payload,
  type SnapshotName,
  type TriggeredName,
} from '../../contract/events.js';
import { checkPayload } from '../../contract/payload-check.js';
import type { Priority } from '../../contract/priority.js';
import type { LossLedger } from '../accounting/losses.js';
import type { Detection } from '../detection/detection.js';
import type { AggregationCoordinator } from './aggregation/coordinator.js';
import { isAggregated, type AggregatedName } from './aggregation/identity.js';
import type { Alerts } from './alerts.js';
import { cutText, cutUtf8 } from './fitting.js';
import type { Outbox } from './outbox.js';
import { queueOf } from './outbox.js';
import type { OwnProcesses } from './own-processes.js';
import type { Redactor } from './redaction/redactor.js';

interface PipelineOptions {
  readonly own: Pick<OwnProcesses, 'isOwn'>;
  readonly redactor: Redactor;
  readonly maxCommandLineBytes: number;
  /** Counts equal observations instead of passing each on. */
  readonly aggregates: Pick<AggregationCoordinator, 'add'>;
  readonly outbox: Pick<Outbox, 'add' | 'addSnapshot'>;
  readonly losses: Pick<LossLedger, 'count'>;
  readonly settings: CurrentSettings;
  /** Asked about everything, before anything is masked, cut or counted; absent: there are no alerts. */
  readonly detection?: {
    readonly rules: Pick<Detection, 'judge'> & Partial<Pick<Detection, 'whenRead'>>;
    readonly alerts: Pick<Alerts, 'take' | 'mark'>;
  };
  /** A collector has observed something, so that what the next run has to know is another. */
  readonly onObserved?: () => void;
  /** A snapshot is being told. */
  readonly onSnapshot?: (name: SnapshotName, payloads: readonly Payload[]) => void;
}

/** Of a command line that stands in ExtraDetails. */
const longestDetailBytes = 1024;

/**
 * What happens to a fact between its collector and the spool, in this order: the agent's own noise goes out, the rules of
 * detection judge it, secrets are masked, long texts are cut, the payload is checked against its declaration, equal ones
 * are counted together, and the priority chooses the queue. What the rules make an alert goes to the queue High instead.
 */
export class Pipeline {
  private readonly detailTexts = new WeakMap<readonly string[], string>();

  constructor(private readonly options: PipelineOptions) {}

  observe(name: TriggeredName, observation: Observation): void {
    const { aggregates, detection, own, settings } = this.options;
    const { payload: observed } = observation;
    this.options.onObserved?.();
    const parentPid = 'ParentProcessId' in observed ? observed.ParentProcessId : undefined;
    const pid = 'ProcessId' in observed ? observed.ProcessId : undefined;
    if (pid !== undefined && own.isOwn(pid, parentPid)) return;
    const alert = detection?.rules.judge(name, observation);
    const priority = this.priority(name);
    if (alert === undefined && priority === 'Off') return;
    const payload = this.prepare(name, observation);
    if (payload === undefined) return;
    if (alert !== undefined && detection?.alerts.take(alert, name, payload, observation.timeMs))
      return;
    if (isAggregated(name) && settings.current[`aggregationEnabled${name}`]) {
      // The name and the payload were one observation.
      const counted = payload as Payload<AggregatedName>;
      if (priority !== 'Off')
        aggregates.add(name, counted, observation.timeMs, priority === 'High');
    } else {
      this.enqueue(name, payload, observation.timeMs);
    }
  }

  snapshot(name: SnapshotName, payloads: readonly Payload[], timeMs: number): void {
    const take = (): void => this.takeSnapshot(name, payloads, timeMs);
    const rules = this.options.detection?.rules;
    if (rules?.whenRead === undefined) take();
    else rules.whenRead(take);
  }

  private takeSnapshot(name: SnapshotName, payloads: readonly Payload[], timeMs: number): void {
    const priority = this.priority(name);
    const valid = payloads.filter((payload) => this.isValid(name, payload));
    // An empty event would say that there is nothing.
    if (valid.length === 0 && payloads.length > 0) return;
    const { isAlert, payloads: told } = this.judgeSnapshot(name, valid, timeMs);
    if (priority === 'Off' && !isAlert) return;
    if (priority !== 'Off') this.options.onSnapshot?.(name, valid);
    const queue = isAlert || priority === 'Off' ? 'high' : queueOf(name, priority);
    void this.options.outbox.addSnapshot(queue, name, told, timeMs);
  }

  private judgeSnapshot(
    name: SnapshotName,
    payloads: readonly Payload[],
    timeMs: number,
  ): ReturnType<Alerts['mark']> {
    const { detection } = this.options;
    if (detection === undefined) return { payloads, isAlert: false };
    const judged = payloads.map((payload) => {
      return { payload, alert: detection.rules.judge(name, { payload, timeMs }) };
    });
    return detection.alerts.mark(name, judged);
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
    void this.options.outbox.addSnapshot(queueOf(name, priority), name, payloads, timeMs);
  }

  private enqueue(name: EventName, payload: Payload, timeMs: number): void {
    const priority = this.priority(name);
    if (priority !== 'Off') this.options.outbox.add(queueOf(name, priority), name, payload, timeMs);
  }

  private priority(name: EventName): Priority {
    return this.options.settings.current[`eventPriority${name}`];
  }

  private prepare(
    name: TriggeredName,
    { payload, argv, detailArgv }: Observation,
  ): Payload<TriggeredName> | undefined {
    const prepared = { ...payload };
    if ('CommandLine' in prepared) this.prepareCommandLine(name, prepared, argv);
    if (detailArgv !== undefined) {
      const details = { ...prepared.ExtraDetails };
      for (const [key, value] of Object.entries(detailArgv)) details[key] = this.detailText(value);
      prepared.ExtraDetails = details;
    }
    return this.isValid(name, prepared) ? prepared : undefined;
  }

  private prepareCommandLine(
    name: TriggeredName,
    payload: { CommandLine?: string; ExtraDetails?: Record<string, string> },
    argv: readonly string[] | undefined,
  ): void {
    const { losses, maxCommandLineBytes, redactor } = this.options;
    if (payload.CommandLine === undefined) return;
    const joined = redactor.redact(argv ?? [payload.CommandLine]).join(' ');
    const { text, whole } = cutText(joined, maxCommandLineBytes);
    payload.CommandLine = text;
    if (whole === undefined) return;
    losses.count(name, 'commandLineCut', 1);
    payload.ExtraDetails = {
      ...payload.ExtraDetails,
      CommandLineSizeBytes: String(whole.sizeBytes),
      CommandLineSha256: whole.sha256,
    };
  }

  /** The children of a process share its arguments, so that they are prepared once for all of them. */
  private detailText(argv: readonly string[]): string {
    const prepared = this.detailTexts.get(argv);
    if (prepared !== undefined) return prepared;
    const joined = this.options.redactor.redact(argv).join(' ');
    const text = cutUtf8(joined, longestDetailBytes);
    this.detailTexts.set(argv, text);
    return text;
  }

  private isValid(name: EventName, payload: Payload): boolean {
    if (checkPayload(name, payload) === undefined) return true;
    const queue = events[name].type === 'Operational' ? 'operational' : name;
    this.options.losses.count(queue, 'invalidEvent', 1);
    return false;
  }
}
