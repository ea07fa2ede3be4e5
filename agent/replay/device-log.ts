import type { LossCause } from '../../base/loss.js';
import { observationOf as connectionObservation } from '../../collectors/connection-create/payload.js';
import { processOfCall } from '../../collectors/connection-create/sources/processes.js';
import type { Observation } from '../../collectors/interface/collector.js';
import { standsAlone } from '../../collectors/kernel/audit/assembler.js';
import { type AuditEvent, auditTypes } from '../../collectors/kernel/audit/event.js';
import { readExecve } from '../../collectors/kernel/audit/execve.js';
import type { LoggedRecord } from '../../collectors/kernel/audit/log-line.js';
import { readLoginRecord } from '../../collectors/kernel/audit/login-records.js';
import { parseFields, plainText } from '../../collectors/kernel/audit/record.js';
import { readSocketCall, type SocketCall } from '../../collectors/kernel/audit/socket-call.js';
import { isOfUnknownAbi, isUnreadableCall } from '../../collectors/kernel/audit/system-call.js';
import { loginObservation } from '../../collectors/login/payload.js';
import { LoginAttempts } from '../../collectors/login/sources/attempts.js';
import { observationOf } from '../../collectors/process-create/payload.js';
import { programOfExecve } from '../../collectors/process-create/sources/program.js';
import type { TriggeredName } from '../../contract/events.js';
import { LogAssembler } from './log-assembler.js';
import { LogTime } from './log-time.js';
import type { ToldEvents } from './told-events.js';

interface DeviceLogOptions {
  /** Its name in the log, '' where it has none. */
  readonly node: string;
  readonly told: ToldEvents;
  readonly observe: (eventId: string, name: TriggeredName, observation: Observation) => void;
  readonly lose: (cause: LossCause, count: number) => void;
}

/** What is under way in the log of one device. */
export class DeviceLog {
  private readonly assembler: LogAssembler;
  private readonly logins: LoginAttempts;
  private readonly time = new LogTime();
  private nextLookMs = 0;

  constructor(private readonly options: DeviceLogOptions) {
    this.assembler = new LogAssembler({
      ...options,
      onEvent: (event, passedMs) => this.read(event, passedMs),
    });
    this.logins = new LoginAttempts({
      onLogin: (facts) => options.observe(`${facts.pid}`, 'Login', loginObservation(facts)),
    });
  }

  push(logged: LoggedRecord): void {
    const { record, isRead } = logged;
    const passedMs = this.time.see(record.timeMs, isRead && standsAlone(record.type));
    this.assembler.push(logged, passedMs);
  }

  end(): void {
    this.assembler.end();
    this.logins.flush();
  }

  private read(event: AuditEvent, passedMs: number): void {
    if (passedMs >= this.nextLookMs) {
      this.nextLookMs = passedMs + lookMs;
      this.logins.expire(passedMs);
    }
    for (const record of event.records) {
      const login = readLoginRecord(record);
      if (login !== undefined) this.logins.push(login, passedMs);
    }
    const { lose, observe } = this.options;
    const execve = readExecve(event);
    if (execve !== undefined) {
      if (!execve.complete) lose('argumentsMissing', 1);
      const program = programOfExecve(execve, event);
      const context = {
        userName: nameIn(event, 'UID'),
        auditUserName: nameIn(event, 'AUID'),
        container: undefined,
      };
      observe(event.id, 'ProcessCreate', observationOf(program, context, ''));
      return;
    }
    const call = readSocketCall(event);
    if (call !== undefined) this.readCall(event.id, call);
    else if (isOfUnknownAbi(event)) lose('unknownAbi', 1);
    else if (isUnreadableCall(event)) lose('unparsed', 1);
  }

  /** As audit alone tells a connection: whatever else live reading would look up is not known. */
  private readCall(eventId: string, call: SocketCall): void {
    const { remote, inProgress, addressLost } = call;
    const isConnect = call.call === 'connect';
    if (remote === undefined) {
      const cause = isConnect || call.hasAddress ? undefined : 'connectionGone';
      const lost = addressLost ?? cause;
      if (lost !== undefined) this.options.lose(lost, 1);
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
