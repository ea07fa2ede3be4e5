/** One security message as it is handed to the hub link; immutable, so that sending it again sends the same. */
export interface OutgoingMessage {
  /** The JSON text of the envelope. A string: the SDK renders every message as JSON for its debug log. */
  readonly body: string;
  /** The same content always has the same id, so that the far side may drop what arrives twice. */
  readonly messageId: string;
  readonly priority: 'High' | 'Low';
  /** ISO 8601 with `Z`. */
  readonly creationTimeUtc: string;
  readonly hubResourceId?: string;
  /** Marks the message for the hub's security pipeline. */
  readonly securityMarker: boolean;
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

/**
 * Bytes that the properties add to a message, counted as they stand percent-encoded in the MQTT topic. The hub
 * counts the decoded values, so this is never less than what the hub counts.
 */
export function propertiesSizeBytes(message: Omit<OutgoingMessage, 'body'>): number {
  const pairs = Object.entries({
    ...systemProperties(message),
    ...applicationProperties(message),
  }).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  return pairs.join('&').length;
}
