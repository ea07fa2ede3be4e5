const twinTopics = '$iothub/twin/';
/** A twin holds at most 32 KB in each half; several times that is not a twin. */
const largestTwinMessageBytes = 1024 * 1024;

interface Emitter {
  emit(name: string, ...values: unknown[]): boolean;
}

/**
 * Stands between the MQTT layer of the SDK and its twin client, which throws inside an event handler when a
 * message is not JSON, and takes a refusal with an empty body for a success (it reads `errorCode` in the body and
 * not the status in the topic). Messages that are not JSON are dropped; refusals without a reason get one.
 * @throws Error when the SDK's inside has changed so much that it cannot be guarded.
 */
export function guardTwinMessages(
  transport: unknown,
  unusable: (what: string) => void,
): void {
  const mqtt = (transport as { _mqtt?: Partial<Emitter> } | undefined)?._mqtt;
  const emit = mqtt?.emit;
  if (mqtt === undefined || typeof emit !== 'function') {
    throw new Error('The MQTT layer of the device SDK is not where this version expects it.');
  }
  mqtt.emit = (name, ...values) => {
    const [topic, payload] = values;
    if (name !== 'message' || typeof topic !== 'string' || !topic.startsWith(twinTopics)) {
      return emit.call(mqtt, name, ...values);
    }
    const checked = checkTwinMessage(topic, payload);
    if (checked === undefined) {
      unusable(`a twin message that is not JSON, on ${topic.replace(/\?.*$/s, '')}`);
      return true;
    }
    return emit.call(mqtt, name, topic, checked);
  };
}

/** @returns the payload to pass on, or undefined when it must be dropped. */
export function checkTwinMessage(topic: string, payload: unknown): Buffer | undefined {
  const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(String(payload ?? ''));
  const status = /^\$iothub\/twin\/res\/(\d{3})\//.exec(topic)?.[1];
  const refused = status !== undefined && Number(status) >= 300;
  const body = bytes.length <= largestTwinMessageBytes ? parse(bytes.toString()) : undefined;
  if (refused) {
    const message = isRecord(body) && typeof body['message'] === 'string' ? body['message'] : '';
    const errorCode = `${status}000`;
    return Buffer.from(
      JSON.stringify({ errorCode, message: `the hub answered ${status} ${message}`.trim() }),
    );
  }
  if (status !== undefined && bytes.length === 0) return bytes;
  return body === undefined ? undefined : bytes;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
