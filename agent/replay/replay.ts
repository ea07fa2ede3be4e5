import { createHash } from 'node:crypto';
import type { Observation } from '../../collectors/collector.js';
import type { Payload, TriggeredName } from '../../contract/events.js';
import { EventAssembler } from '../../collectors/linux/audit/assembler.js';
import { type AuditEvent, auditTypes } from '../../collectors/linux/audit/event.js';
import { readExecve } from '../../collectors/linux/audit/execve.js';
import { parseLogLine } from '../../collectors/linux/audit/log-line.js';
import { readLoginRecord } from '../../collectors/linux/audit/login-records.js';
import { parseFields, plainText } from '../../collectors/linux/audit/record.js';
import { observationOf as connectionObservation } from '../../collectors/connection-create-payload.js';
import { processOfCall } from '../../collectors/connection-processes.js';
import { readSocketCall, type SocketCall } from '../../collectors/linux/audit/socket-call.js';
import { LoginAttempts } from '../../collectors/login-attempts.js';
import { loginObservation } from '../../collectors/login-payload.js';
import type { LossCause } from '../../collectors/loss.js';
import { observationOf, programOfExecve } from '../../collectors/process-create-payload.js';
import { standardLocalSettings } from '../../config/parse-local-settings.js';
import { evaluateTwin } from '../../config/evaluate-twin.js';
import { idOfParts, securityEvent, type SecurityEvent } from '../pipeline/event.js';
import { Pipeline } from '../pipeline/pipeline.js';
import { createRedactor } from '../pipeline/redaction.js';
import { utcText } from '../pipeline/timestamps.js';
import type { Line } from './line-splitter.js';

export interface ReplayOptions {
  readonly onEvent: (event: SecurityEvent) => void;
  /** A line that could not be used, and why. */
  readonly onMalformed: (line: Line, why: string) => void;
  readonly lose: (cause: LossCause, count: number) => void;
}

/**
 * Recorded audit logs, read by what reads the live stream.
 *
 * 1. The same log gives the same events with the same ids, on whatever machine: nothing of this host is looked at.
 * 2. Time is that of the log: it goes on from record to record, and a step back (the next file) is no time at all.
 * 3. Devices that share a log share nothing else.
 * 4. What is remembered is bounded, however long the log.
 */
export class Replay {
  private readonly nodes = new Map<string, Node>();
  private readonly pipeline: Pipeline;
  private source = '';
  private seen = 0;

  constructor(private readonly options: ReplayOptions) {
    const local = standardLocalSettings();
    const { settings } = evaluateTwin({}, undefined);
    this.pipeline = new Pipeline({
      own: { isOwn: () => false },
      redactor: createRedactor(local.redactionPatterns),
      maxCommandLineBytes: local.maxCommandLineBytes,
      aggregator: { add: () => undefined },
      outbox: {
        add: (_queue, name, payload, timeMs) => {
          this.print(name as TriggeredName, payload as Payload<TriggeredName>, timeMs);
        },
        addSnapshot: () => undefined,
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
    const parsed = parseLogLine(line.text);
    if (parsed === 'malformed') {
      this.options.onMalformed(line, 'it is not an audit record');
      return;
    }
    if (parsed === 'between') return;
    this.seen++;
    if (line.state === 'cut') {
      this.options.onMalformed(
        line,
        'the file ends in the middle of it, and its end may be missing',
      );
    }
    if (parsed === 'unread') return;
    this.nodeOf(parsed.node).push(parsed.record, line.state === 'cut');
  }

  /** Ends the last event of everybody. */
  end(): void {
    for (const node of this.nodes.values()) node.end();
    this.nodes.clear();
  }

  private nodeOf(name: string): Node {
    const known = this.nodes.get(name);
    if (known !== undefined) return known;
    if (this.nodes.size >= mostNodes) {
      for (const [oldest, node] of this.nodes) {
        node.end();
        this.nodes.delete(oldest);
        break;
      }
    }
    const node = new Node({
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
const mostNodes = 64;

interface NodeOptions {
  readonly observe: (eventId: string, name: TriggeredName, observation: Observation) => void;
  readonly lose: (cause: LossCause, count: number) => void;
}

/** What is under way in the log of one device. */
class Node {
  private readonly assembler: EventAssembler;
  private readonly logins: LoginAttempts;
  private lastMs: number | undefined;
  private nowMs = 0;
  private nextLookMs = 0;
  private settling = false;
  private cutId: string | undefined;

  constructor(private readonly options: NodeOptions) {
    this.assembler = new EventAssembler(
      (event) => this.read(event),
      () => options.lose('assemblyOverflow', 1),
    );
    this.logins = new LoginAttempts({
      onLogin: (facts) => options.observe(`${facts.pid}`, 'Login', loginObservation(facts)),
    });
  }

  push(record: Parameters<EventAssembler['push']>[0], isCut: boolean): void {
    this.nowMs += Math.max(0, record.timeMs - (this.lastMs ?? record.timeMs));
    this.lastMs = record.timeMs;
    if (this.nowMs >= this.nextLookMs) this.look();
    if (isCut) this.cutId = record.id;
    this.assembler.push(record, this.nowMs);
  }

  end(): void {
    this.settling = true;
    this.assembler.flush();
    this.logins.flush();
  }

  private look(): void {
    this.nextLookMs = this.nowMs + lookMs;
    this.settling = true;
    this.assembler.expire(this.nowMs);
    this.settling = false;
    this.logins.expire(this.nowMs);
  }

  private read(event: AuditEvent): void {
    for (const record of event.records) {
      const login = readLoginRecord(record);
      if (login !== undefined) this.logins.push(login, this.nowMs);
    }
    // auditd leaves out the record that ends an event, and old kernels have no PROCTITLE before it: in a log, an event
    // that nobody went on with is whole, unless the log itself was cut there.
    const complete = (event.complete || this.settling) && event.id !== this.cutId;
    const whole = { ...event, complete };
    const execve = readExecve(whole);
    if (execve !== undefined) {
      const program = programOfExecve(execve, whole);
      const context = { userName: nameIn(event, 'UID'), auditUserName: nameIn(event, 'AUID') };
      this.options.observe(event.id, 'ProcessCreate', observationOf(program, context, ''));
      return;
    }
    const call = readSocketCall(whole);
    if (call !== undefined) this.readCall(event.id, call);
  }

  /** As audit alone tells a connection: whatever else live reading would look up is not known. */
  private readCall(eventId: string, call: SocketCall): void {
    const { remote, inProgress } = call;
    const isConnect = call.call === 'connect';
    if (remote === undefined) {
      if (!isConnect && !call.hasAddress) this.options.lose('connectionGone', 1);
      return;
    }
    const observation = connectionObservation({
      timeMs: call.timeMs,
      direction: isConnect ? 'Out' : 'In',
      transport: 'tcp',
      remote,
      local: undefined,
      process: processOfCall({ ...call, caller: undefined }),
      outcomeUnknown: inProgress,
      transportUnknown: isConnect && !inProgress,
    });
    this.options.observe(eventId, 'ConnectionCreate', observation);
  }
}

const lookMs = 500;

/** The name of a user that auditd added to an enriched log. */
function nameIn(event: AuditEvent, field: 'UID' | 'AUID'): string | undefined {
  const call = event.records.find(({ type }) => type === auditTypes.syscall);
  const name = call && plainText(parseFields(call.body).get(field));
  return name === undefined || /^un(?:set|known)\b/u.test(name) ? undefined : name;
}
