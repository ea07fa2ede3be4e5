import type { Sender, SentSignal } from '../../collectors/kernel/audit/sent-signal.js';
import type { Details, Payload } from '../../contract/events.js';
import { utcText } from '../../base/timestamps.js';
import type { DiagnosticSeverity } from '../pipeline/diagnostics.js';
import { spanText, timeText } from '../time/clock-watch.js';
import { signalNames, type Absence, type AbsenceCause } from './absence.js';

type NameOf = (uid: number) => string | undefined;

/** What is told as a matter of course; the rest is worth a look. */
const ordinary: ReadonlySet<AbsenceCause> = new Set(['stopped', 'shutDown', 'slept']);

export function severityOf({ cause }: Absence): DiagnosticSeverity {
  return ordinary.has(cause) ? 'Information' : 'Warning';
}

/** One sentence for the operator: why, by whom, for how long, and between which moments. */
export function absenceSentence(absence: Absence, nameOf: NameOf): string {
  const { durationMs, fromMs, toMs } = absence;
  const howLong =
    durationMs === undefined
      ? 'for how long is not known, because the clock says less than the time since the boot'
      : `for ${spanText(durationMs)}, from ${timeText(fromMs)} to ${timeText(toMs)}`;
  return `${why(absence, nameOf)} Nobody watched this device ${howLong}.`;
}

/** The same as a change of the state of the agent. */
export function absencePayload(absence: Absence, nameOf: NameOf): Payload<'StateChange'> {
  const { durationMs, fromMs, signal, stoppedBefore } = absence;
  const by = (signal ?? stoppedBefore)?.by;
  const userName = by?.uid === undefined ? undefined : nameOf(by.uid);
  const span = durationMs === undefined ? 'a time that is not known' : spanText(durationMs);
  return {
    Subject: 'Agent',
    Item: 'iot-security-agent',
    Change: 'Changed',
    Before: 'watching',
    After: `not watching for ${span}: ${short(absence)}`,
    ExtraDetails: {
      ...(by !== undefined && { ProcessId: String(by.pid) }),
      ...(by?.executable !== undefined && { Executable: by.executable }),
      ...(by?.uid !== undefined && { UserId: String(by.uid) }),
      ...(userName !== undefined && { UserName: userName }),
      ...(absence.cause !== 'frozen' && absence.cause !== 'slept' && { WhileDown: 'true' }),
      NotBeforeUtc: utcText(fromMs),
    } satisfies Details<'StateChange'>,
  };
}

function why({ cause, signal, signalName, stoppedBefore }: Absence, nameOf: NameOf): string {
  const by = byText(signal, nameOf);
  const before =
    stoppedBefore === undefined ? '' : ` It had been stopped${byText(stoppedBefore, nameOf)}.`;
  switch (cause) {
    case 'stopped':
      return `The agent was asked to stop${by}.`;
    case 'crashed':
      return 'The agent ended because of a defect, which its log tells.';
    case 'killed':
      return `The agent was killed${by || (signalName === undefined ? '' : ` with ${signalName}`)}.${before}`;
    case 'outOfMemory':
      return `The kernel ended the agent because memory was short.${before}`;
    case 'watchdog':
      return `The watchdog of systemd ended the agent, which had not moved.${before}`;
    case 'ended':
      return `The agent ended without having been asked to, and nothing tells why.${before}`;
    case 'shutDown':
      return `The device was shut down or restarted, and the agent stopped in order.`;
    case 'powerLost':
      return 'The device went off or started anew without the agent having been stopped: power was lost, or the system crashed or was reset.';
    case 'frozen':
      return signal === undefined
        ? 'The agent stood still: something stopped it (SIGSTOP), froze its control group or kept it from running, and the kernel does not tell who.'
        : `The agent was stopped${by}.`;
    case 'slept':
      return 'The device was suspended.';
  }
}

function short({ cause, signal, signalName }: Absence): string {
  const name = signal === undefined ? signalName : nameOfSignal(signal);
  const words: Readonly<Record<AbsenceCause, string>> = {
    stopped: 'asked to stop',
    crashed: 'ended by a defect',
    killed: 'killed',
    outOfMemory: 'ended by the kernel for want of memory',
    watchdog: 'ended by the watchdog of systemd',
    ended: 'ended for no known reason',
    shutDown: 'the device was shut down or restarted',
    powerLost: 'the device went off or crashed',
    frozen: 'stopped or frozen',
    slept: 'the device was suspended',
  };
  return name === undefined ? words[cause] : `${words[cause]} (${name})`;
}

function nameOfSignal({ signal }: SentSignal): string {
  return signalNames[signal] ?? `signal ${signal}`;
}

function byText(signal: SentSignal | undefined, nameOf: NameOf): string {
  if (signal === undefined) return '';
  return ` with ${nameOfSignal(signal)} by ${senderText(signal.by, nameOf)}`;
}

function senderText({ executable = 'a program', pid, uid }: Sender, nameOf: NameOf): string {
  const user = uid === undefined ? '' : `, user ${nameOf(uid) ?? uid}`;
  return `${executable} (process ${pid}${user})`;
}
