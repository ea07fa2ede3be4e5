import type { SentPriority } from '../../contract/priority.js';

/** One security message as it is handed to the hub link; immutable, so that sending it again sends the same. */
export interface OutgoingMessage {
  /** The JSON text of the envelope. A string: the SDK renders every message as JSON for its debug log. */
  readonly body: string;
  /** The same content always has the same id, so that the far side may drop what arrives twice. */
  readonly messageId: string;
  readonly priority: SentPriority;
  /** ISO 8601 with `Z`. */
  readonly creationTimeUtc: string;
  readonly hubResourceId?: string;
  /** Marks the message for the hub's security pipeline. */
  readonly securityMarker: boolean;
}

/** What is the same for all messages of a run, or changes only with the settings. */
export interface Envelope {
  readonly agentVersion: string;
  readonly agentId: string;
  /** Empty when the twin names none. */
  readonly hubResourceId: string;
  readonly securityMarker: boolean;
}

/** What stands before and behind the events of a message, which are JSON with commas between them. */
export function envelopeText({ agentVersion, agentId }: Envelope): [head: string, tail: string] {
  const fields = { AgentVersion: agentVersion, AgentId: agentId, MessageSchemaVersion: '1.0' };
  return [`${JSON.stringify(fields).slice(0, -1)},"Events":[`, ']}'];
}

export const contentType = 'application/json';
export const contentEncoding = 'utf-8';
const securityInterfaceId = 'urn:azureiot:Security:SecurityAgent:1';

/**
 * The properties that travel beside the body, system properties under their wire names (`$.mid`, `$.ct`, `$.ce`,
 * `$.ifid`). Names and application properties are those of the message contract §3.7.
 */
export function systemProperties(
  message: Omit<OutgoingMessage, 'body'>,
): Readonly<Record<string, string>> {
  return {
    '$.mid': message.messageId,
    '$.ct': contentType,
    '$.ce': contentEncoding,
    ...(message.securityMarker ? { '$.ifid': securityInterfaceId } : {}),
  };
}

/** The properties for routes and for whoever reads the messages, message contract §3.7. */
export function applicationProperties(
  message: Omit<OutgoingMessage, 'body'>,
): Readonly<Record<string, string>> {
  return {
    MessagePriority: message.priority,
    'iothub-creation-time-utc': message.creationTimeUtc,
    ...(message.hubResourceId === undefined ? {} : { HubResourceId: message.hubResourceId }),
  };
}
