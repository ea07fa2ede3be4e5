import { idOfParts } from '../../base/id-of-parts.js';
import { createHash } from 'node:crypto';
import type { LossCause } from '../../base/loss.js';
import { utcText } from '../../base/timestamps.js';
import { parseLogLine } from '../../collectors/kernel/audit/log-line.js';
import { evaluateTwin } from '../../config/evaluate-twin.js';
import { standardLocalSettings } from '../../config/parse-local-settings.js';
import type { Payload, TriggeredName } from '../../contract/events.js';
import type { Alert } from '../detection/alert.js';
import type { Detection } from '../detection/detection.js';
import { withDetails } from '../pipeline/event-parts.js';
import { securityEvent, type SecurityEvent } from '../pipeline/event.js';
import { Pipeline } from '../pipeline/pipeline.js';
import { createRedactor } from '../pipeline/redaction/redactor.js';
import { DeviceLog } from './device-log.js';
import type { Line } from './line-splitter.js';
import { ToldEvents } from './told-events.js';

interface ReplayOptions {
  readonly onEvent: (event: SecurityEvent) => void;
  /** A line that could not be used, and why. */
  readonly onMalformed: (line: Line, why: string) => void;
  readonly lose: (cause: LossCause, count: number) => void;
  /** Judges each event: then only those are told that raise an alert, with the members that say so. */
  readonly rules?: Pick<Detection, 'judge'>;
}

/**
 * Recorded audit logs, read by what reads the live stream.
 *
 * 1. The same log gives the same events with the same ids, on whatever machine: nothing of this host is looked at.
 * 2. Time is that of the log (`log-time.ts`), and decides nothing but which records of logins belong to one attempt:
 *    what belongs to one event is told by the serial numbers alone (`log-assembler.ts`).
 * 3. Devices that share a log share nothing else.
 * 4. What is remembered is bounded, however long the log.
 */
export class Replay {
  /** The one that wrote last comes last. */
  private readonly nodes = new Map<string, DeviceLog>();
  private readonly told = new ToldEvents();
  private readonly pipeline: Pipeline;
  private source = '';
  private seen = 0;

  constructor(private readonly options: ReplayOptions) {
    const local = standardLocalSettings();
    const { settings } = evaluateTwin({}, undefined);
    const { rules } = options;
    const detection = rules && {
      rules,
      alerts: {
        take: (alert: Alert, name: TriggeredName, payload: Payload, timeMs: number) => {
          const marked = withDetails(payload, alert.details) as Payload<TriggeredName>;
          this.print(name, marked, timeMs);
          return true;
        },
        // A log holds no snapshots.
        mark: () => ({ payloads: [], isAlert: false }),
      },
    };
    this.pipeline = new Pipeline({
      ...(detection !== undefined && { detection }),
      own: { isOwn: () => false },
      redactor: createRedactor(local.redactionPatterns),
      maxCommandLineBytes: local.maxCommandLineBytes,
      aggregates: { add: () => undefined },
      outbox: {
        add: (_queue, name, payload, timeMs) => {
          if (rules === undefined)
            this.print(name as TriggeredName, payload as Payload<TriggeredName>, timeMs);
        },
        addSnapshot: () => Promise.resolve(),
      },
      losses: { count: (_component, cause, count) => this.options.lose(cause, count) },
      settings: {
        current: {
          ...settings,
          aggregationEnabledProcessCreate: false,
          aggregationEnabledProcessTerminate: false,
          aggregationEnabledConnectionCreate: false,
        },
      },
    });
  }

  /** How many lines were records of audit, whether of a type that is read or not. */
  get records(): number {
    return this.seen;
  }

  push(line: Line): void {
    if (line.state === 'too-long') {
      this.options.onMalformed(line, 'it is longer than any audit record');
      return;
    }
    const parsed = parseLogLine(line.text, line.state === 'cut');
    if ('why' in parsed) {
      this.options.onMalformed(line, parsed.why);
      return;
    }
    this.seen += parsed.length;
    if (parsed.some(({ isCut }) => isCut)) {
      this.options.onMalformed(
        line,
        line.state === 'cut'
          ? 'the file ends in the middle of it, and its end may be missing'
          : 'its end is missing, and another record begins within it',
      );
    }
    for (const logged of parsed) this.nodeOf(logged.node).push(logged);
  }

  /** Ends the last event of everybody. */
  end(): void {
    for (const node of this.nodes.values()) node.end();
    this.nodes.clear();
  }

  private nodeOf(name: string): DeviceLog {
    const known = this.nodes.get(name);
    if (known !== undefined) {
      if (this.nodes.size > 1) {
        this.nodes.delete(name);
        this.nodes.set(name, known);
      }
      return known;
    }
    if (this.nodes.size >= mostNodes) {
      for (const [silent, node] of this.nodes) {
        node.end();
        this.nodes.delete(silent);
        break;
      }
    }
    const node = new DeviceLog({
      node: name,
      told: this.told,
      observe: (event, eventName, observation) => {
        this.source = `${name} ${event}`;
        this.pipeline.observe(eventName, observation);
      },
      lose: this.options.lose,
    });
    this.nodes.set(name, node);
    return node;
  }

  private print(name: TriggeredName, payload: Payload<TriggeredName>, timeMs: number): void {
    const content = createHash('sha256').update(JSON.stringify(payload)).digest('hex');
    const event = securityEvent({
      name,
      payloads: [payload],
      timeMs,
      id: idOfParts([this.source, name, String(timeMs), content]),
    });
    // The zone of the device is not in its log, and that of this host says nothing.
    this.options.onEvent({ ...event, TimestampLocal: utcText(timeMs).replace('Z', '+00:00') });
  }
}

/** A log with more names is a forgery. */
const mostNodes = 1024;
