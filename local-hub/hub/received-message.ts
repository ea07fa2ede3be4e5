import { reasonOf } from '../../base/errors.js';
import type { Address } from './identities.js';
import { messageSizeBytes, parsePropertyBag } from './property-bag.js';
import { isSecurityMessage, type SchemaCheck } from './schema-check.js';

/** IoT Hub takes messages up to this size, properties included. */
export const largestMessageBytes = 262_144;
/** What one metered message holds. */
export const unitBytes = 4096;

/** A telemetry message that the hub took. */
export interface ReceivedMessage extends Address {
  /** UTF-8 text. */
  readonly body: string;
  /** The parsed body; `undefined` when it is not JSON. */
  readonly json: unknown;
  /** Application properties, decoded; `null` for a name that came without a value. */
  readonly properties: Readonly<Record<string, string | null>>;
  /** Keyed as on the wire: `$.mid`, `$.ct`, `$.ce`, `$.ifid`, … */
  readonly systemProperties: Readonly<Record<string, string>>;
  /** As IoT Hub counts it. */
  readonly sizeBytes: number;
  readonly receivedAt: Date;
  /** What is wrong with it when it is, or looks like, a security message; empty when nothing is. */
  readonly problems: readonly string[];
}

function parse(body: string): { json: unknown; fault?: string } {
  try {
    return { json: JSON.parse(body) as unknown };
  } catch (error) {
    return { json: undefined, fault: reasonOf(error) };
  }
}

/** Decodes a telemetry publish; answers a sentence when IoT Hub would end the connection over it. */
export function receiveMessage(
  from: Address,
  propertyBag: string,
  payload: Buffer,
  schema: SchemaCheck,
): ReceivedMessage | string {
  const properties = parsePropertyBag(propertyBag);
  if (properties === undefined) return 'the property bag is not percent-encoded';
  const sizeBytes = messageSizeBytes(payload.length, properties);
  if (sizeBytes > largestMessageBytes) {
    return `a message of ${sizeBytes} bytes is over the limit of ${largestMessageBytes}`;
  }
  const body = payload.toString('utf8');
  const { json, fault } = parse(body);
  let problems: readonly string[] = [];
  if (isSecurityMessage(json, properties.system)) {
    problems = fault === undefined ? schema.problems(json) : [`the body is not JSON: ${fault}`];
  }
  return {
    deviceId: from.deviceId,
    moduleId: from.moduleId,
    body,
    json,
    properties: properties.application,
    systemProperties: properties.system,
    sizeBytes,
    receivedAt: new Date(),
    problems,
  };
}
