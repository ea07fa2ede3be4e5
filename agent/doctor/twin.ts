import { randomUUID } from 'node:crypto';
import { systemClock } from '../../base/clock.js';
import { reasonOf } from '../../base/errors.js';
import type { JsonObject } from '../../base/json.js';
import { utcText } from '../../base/timestamps.js';
import { version } from '../../base/version.js';
import { evaluateTwin } from '../../config/evaluate-twin.js';
import type { LocalSettings } from '../../config/local-settings.js';
import { microAgentSettings } from '../../config/micro-agent-settings.js';
import { earlyObjectName, twinDialects } from '../../config/twin-dialects.js';
import type { HubClient, HubClientEvents, TwinDocument } from '../hub/hub-client.js';
import { envelopeText, type OutgoingMessage } from '../hub/message.js';
import { withSingleConnection } from '../hub/single-connection.js';
import type { ModuleCredentials } from '../identity/credentials/credentials.js';
import type { SecretAccess } from '../identity/credentials/secret-file.js';
import { securityEvent } from '../pipeline/event.js';
import { storedAgentId } from '../state/agent-id.js';
import type { Unanswered } from '../status/client.js';
import type { StatusDocument } from '../status/document.js';
import { durationText } from '../status/duration-text.js';
import { mend, note, ok, unknown, withinDeadline, type Finding } from './finding.js';
import { besideAgent, type Hindrance } from './own-connection.js';

interface TwinCheckOptions {
  readonly settings: LocalSettings;
  readonly credentials: ModuleCredentials;
  /** How the secret of a proxy may be had. */
  readonly access: SecretAccess;
  /** Why there may be no connection; then what the running agent says of itself answers. */
  readonly hindered: Hindrance | undefined;
  /** Whether a test message is wished for. */
  readonly send: boolean;
  readonly createClient?: (credentials: ModuleCredentials, events: HubClientEvents) => HubClient;
}

/** Reads the module twin as the agent does, and sends a test message where one is wished for. */
export async function checkTwin(options: TwinCheckOptions): Promise<readonly Finding[]> {
  const { hindered, settings } = options;
  if (hindered !== undefined) return hinderedFindings(hindered, options.send);
  const deadlineMs = settings.requestTimeout.ms;
  return withSingleConnection({ ...options, command: 'doctor' }, async (client, unlessLost) => {
    const step = <T>(what: string, work: () => Promise<T>): Promise<T> =>
      unlessLost(withinDeadline(deadlineMs, what, work));
    const findings: Finding[] = [];
    try {
      await step('the hub', () => client.open());
      const twin = await step('the read of the module twin', () => client.readTwin());
      findings.push(twinFinding(twin, settings.remoteConfigurationObjectName));
      if (options.send) {
        const message = await testMessage(settings);
        await step('the test message', () => client.send(message));
        findings.push(
          ok(
            'message',
            `the hub acknowledged a test message (event Diagnostic, message id ${message.messageId}); it goes where the routes of the hub lead it`,
          ),
        );
      }
    } catch (error) {
      const check = findings.length === 0 ? 'twin' : 'message';
      findings.push(mend(check, reasonOf(error)));
    }
    return findings;
  });
}

/** What the twin holds, and in which of the dialects that this agent understands. */
export function twinFinding({ desired }: TwinDocument, objectName: string): Finding {
  const { $version } = desired;
  const version = typeof $version === 'number' ? ` (desired version ${$version})` : '';
  const { asked, dialect } = evaluateTwin(desired, undefined, objectName);
  const read = `the module twin can be read${version}`;
  switch (dialect) {
    case 'contract':
      return ok('twin', `${read} and sets ${asked.size} in ${objectName}`);
    case 'earlyContract':
      return note('twin', `${read}, ${early}`, `move it to ${objectName}`);
    case 'microAgent':
      return ok(
        'twin',
        `${read} and holds ${flatSettingsIn(desired)} of ${twinDialects.microAgent.title}; config/reference.generated.md says what becomes of each`,
      );
    case 'none':
      return note(
        'twin',
        `${read} and has no ${objectName}, so that all defaults are in force`,
        'set what should differ from them there, or nothing if they suit',
      );
  }
}

function flatSettingsIn(desired: JsonObject): number {
  return Object.keys(desired).filter((key) => Object.hasOwn(microAgentSettings, key)).length;
}

const early = `but the settings are in force from the object's name before July 2019, ${earlyObjectName}`;

/** What the agent that runs says of itself; nothing where none does. */
export function tellByStatus(
  answer: StatusDocument | Unanswered,
  send: boolean,
): readonly Finding[] {
  return 'agent' in answer ? hinderedFindings(besideAgent(answer), send) : [];
}

function hinderedFindings({ because, status }: Hindrance, send: boolean): readonly Finding[] {
  const findings = [twinByStatus(because, status)];
  if (send) {
    const done =
      status === undefined
        ? ''
        : `; the agent itself has had ${status.today.messages} messages acknowledged today`;
    findings.push(
      unknown(
        'message',
        `no test message was sent, because ${because}${done}`,
        'to send one, stop the agent first: systemctl stop iot-security-agent',
      ),
    );
  }
  return findings;
}

function twinByStatus(because: string, status: Hindrance['status']): Finding {
  const notRead = `the module twin was not read by doctor, because ${because}`;
  if (status === undefined)
    return unknown('twin', notRead, 'run doctor as root, or stop the agent');
  const { connection, twin } = status;
  if (twin.desiredVersion === 0) {
    return unknown(
      'twin',
      `${notRead}; by its own status the agent has not read it yet`,
      'see why under "connection" of iot-security-agent status',
    );
  }
  const state =
    connection.state === 'connected'
      ? 'connected'
      : `${connection.state}, without a connection for ${durationText(connection.disconnectedSeconds)}`;
  const found = `${notRead}; by its own status it has version ${twin.desiredVersion} in force and is ${state}`;
  const [problem] = twin.problems;
  if (problem === undefined && twin.dialect === 'earlyContract')
    return note('twin', `${found}, ${early}`, 'move it to the name of today');
  return problem === undefined
    ? ok('twin', found)
    : mend(
        'twin',
        `${found}, and ${twin.problems.length} values of the twin are not in force as written, ${problem.key} among them: ${problem.reason}`,
        'correct them in the twin',
      );
}

async function testMessage(settings: LocalSettings): Promise<OutgoingMessage> {
  const nowMs = systemClock.wallMs();
  // One that is not stored yet is made by the agent; doctor writes nothing.
  const agentId =
    settings.agentId ?? (await storedAgentId(settings.stateDirectory)) ?? randomUUID();
  const { securityMarker } = settings;
  const envelope = { agentVersion: version, agentId, hubResourceId: '', securityMarker };
  const [head, tail] = envelopeText(envelope);
  const event = securityEvent({
    name: 'Diagnostic',
    payloads: [
      {
        Severity: 'Information',
        Message: 'This is a test message that somebody asked for with: doctor --send.',
        ProcessId: process.pid,
        ThreadId: process.pid,
        CorrelationId: randomUUID(),
      },
    ],
    timeMs: nowMs,
  });
  return {
    body: `${head}${JSON.stringify(event)}${tail}`,
    messageId: event.Id,
    priority: 'Low',
    creationTimeUtc: utcText(nowMs),
    securityMarker,
  };
}
