import { isIP } from 'node:net';
import { type EventName, events } from './events.js';

const eventNames = new Set<string>(Object.keys(events));

/**
 * Says in one sentence what of `payload` does not fit the declaration of the event, or `undefined` when all of it
 * fits: required fields, one of several, kinds, allowed values, no unknown field, only strings in `ExtraDetails`.
 * Never throws and never repeats a value, which may be secret.
 */
export function checkPayload(name: string, payload: unknown): string | undefined {
  if (!isEventName(name)) return 'There is no event of this name.';
  if (!isPlainObject(payload)) return `${name}: the payload is not an object.`;
  const declaration: {
    readonly fields: Readonly<Record<string, { kind: unknown; required: boolean }>>;
    readonly oneOf?: readonly string[];
  } = events[name];
  const { fields, oneOf } = declaration;
  for (const [key, field] of Object.entries(fields)) {
    const value = Object.hasOwn(payload, key) ? payload[key] : undefined;
    if (value === undefined) {
      if (field.required) return `${name}.${key} is missing.`;
      continue;
    }
    const fault = faultOf(field.kind, value);
    if (fault !== undefined) return `${name}.${key} ${fault}.`;
  }
  if (oneOf?.every((key) => payload[key] === undefined) === true)
    return `${name} has none of ${oneOf.join(', ')}.`;
  for (const [key, value] of Object.entries(payload)) {
    if (key === 'ExtraDetails') {
      if (value !== undefined && !isStringMap(value))
        return `${name}.ExtraDetails holds something other than strings.`;
    } else if (!Object.hasOwn(fields, key)) {
      return `${name} has a field that is not declared.`;
    }
  }
  return undefined;
}

function faultOf(kind: unknown, value: unknown): string | undefined {
  if (Array.isArray(kind))
    return kind.includes(value) ? undefined : `is none of ${kind.join(', ')}`;
  switch (kind) {
    case 'string':
      return typeof value === 'string' ? undefined : 'is not a string';
    case 'integer':
      return Number.isSafeInteger(value) ? undefined : 'is not an integer';
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'is not true or false';
    case 'ip':
      return typeof value === 'string' && isSchemaIp(value)
        ? undefined
        : 'is not an IPv4 or IPv6 address';
    default:
      return 'is of a kind that nobody checks';
  }
}

/** A zone (`fe80::1%eth0`) is IPv6 text to Node, but not to JSON Schema's `ipv6` (RFC 4291 §2.2). */
function isSchemaIp(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%');
}

function isEventName(name: string): name is EventName {
  return eventNames.has(name);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStringMap(value: unknown): boolean {
  return isPlainObject(value) && Object.values(value).every((entry) => typeof entry === 'string');
}
