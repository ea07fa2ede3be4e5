import type { Address } from './identities.js';

export const twinAnswerFilter = '$iothub/twin/res/#';
export const desiredFilter = '$iothub/twin/PATCH/properties/desired/#';
export const methodFilter = '$iothub/methods/POST/#';

/** What a client asks for by publishing. */
export type ClientRequest =
  | { readonly kind: 'telemetry'; readonly propertyBag: string }
  | { readonly kind: 'twin-get'; readonly requestId: string }
  | {
      readonly kind: 'twin-report';
      readonly requestId: string;
      /** The version the client expects `reported` to have. */
      readonly baseVersion: string | undefined;
    }
  | { readonly kind: 'method-answer'; readonly requestId: string; readonly status: number };

const getTopic = '$iothub/twin/GET/';
const reportTopic = '$iothub/twin/PATCH/properties/reported/';

function devicePath(address: Address): string {
  const module = address.moduleId === undefined ? '' : `/modules/${address.moduleId}`;
  return `devices/${address.deviceId}${module}`;
}

function query(topic: string, path: string): Map<string, string> {
  const text = topic.slice(path.length).replace(/^\?/, '');
  return new Map(
    text.split('&').map((pair) => {
      const equals = pair.indexOf('=');
      return equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
}

/** Tells what a topic means when this client publishes on it; `undefined` for one it may not use. */
export function parseRequest(topic: string, address: Address): ClientRequest | undefined {
  const telemetry = `${devicePath(address)}/messages/events/`;
  if (topic.startsWith(telemetry) || `${topic}/` === telemetry) {
    return { kind: 'telemetry', propertyBag: topic.slice(telemetry.length) };
  }
  if (topic.startsWith(getTopic)) {
    const requestId = query(topic, getTopic).get('$rid');
    return requestId === undefined ? undefined : { kind: 'twin-get', requestId };
  }
  if (topic.startsWith(reportTopic)) {
    const fields = query(topic, reportTopic);
    const requestId = fields.get('$rid');
    if (requestId === undefined) return undefined;
    return { kind: 'twin-report', requestId, baseVersion: fields.get('$version') };
  }
  const [path = '', status] = /^\$iothub\/methods\/res\/(\d{1,9})\//.exec(topic) ?? [];
  if (status !== undefined) {
    const requestId = query(topic, path).get('$rid');
    if (requestId === undefined) return undefined;
    return { kind: 'method-answer', requestId, status: Number(status) };
  }
  return undefined;
}

/** The documented filters, and no other. */
export function maySubscribe(filter: string, address: Address): boolean {
  const own =
    address.moduleId === undefined
      ? `${devicePath(address)}/messages/devicebound/#`
      : `${devicePath(address)}/inputs/#`;
  return [twinAnswerFilter, desiredFilter, methodFilter, own].includes(filter);
}
