import { isJsonObject, parseJson, type JsonObject, type JsonValue } from '../../base/json.js';

const twinTopics = '$iothub/twin/';

interface Emitter {
  emit(name: string, ...values: unknown[]): boolean;
}

/**
 * Stands between the MQTT layer of the SDK and its twin client, which throws inside an event handler when a
 * message is not JSON, and takes a refusal with an empty body for a success (it reads `errorCode` in the body and
 * not the status in the topic). Messages that are not JSON are dropped; refusals without a reason get one.
 * @throws Error when the SDK's inside has changed so much that it cannot be guarded.
 */
export function guardTwinMessages(transport: unknown, unusable: (what: string) => void): void {
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

/**
 * Lets through what can be used, without `__proto__` and too deep nesting, turns an answer that cannot be used into a
 * failure of the request it answers.
 * @returns the payload to pass on, or undefined when it must be dropped.
 */
export function checkTwinMessage(topic: string, payload: unknown): Buffer | undefined {
  const text = Buffer.isBuffer(payload) ? payload.toString() : '';
  const status = /^\$iothub\/twin\/res\/(\d{3})\//.exec(topic)?.[1];
  const body = parse(text);
  if (status === undefined) return isJsonObject(body) ? encode(body) : undefined;
  if (Number(status) >= 300) {
    const message = isJsonObject(body) ? body['message'] : undefined;
    const reason = typeof message === 'string' ? ` ${message}` : '';
    return encode({ errorCode: Number(status), message: `the hub answered ${status}${reason}` });
  }
  if (text === '') return Buffer.alloc(0);
  if (isJsonObject(body)) return encode(body);
  return encode({ errorCode: 1, message: 'the answer of the hub is not a JSON object' });
}

function encode(body: JsonObject): Buffer {
  return Buffer.from(JSON.stringify(body));
}

function parse(text: string): JsonValue | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
