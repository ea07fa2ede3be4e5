import { createHash } from 'node:crypto';
import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.js';
import { eventOfSetting } from '../../config/twin-settings.js';

/**
 * What the reported properties tell of the settings: without those of events that nothing here produces, because what is
 * reported counts as in force. A collector that is added has its settings told from then on.
 *
 * A list is told as one text with commas, because twins of IoT Edge mishandle arrays; of an object without fixed members the
 * number of them and a hash are, because a second copy of a fleet's rules would fill the twin.
 * @param produces whether there is a collector for an event
 */
export function settingsInForce(
  settings: JsonObject,
  produces: (event: string) => boolean,
): JsonObject {
  const inForce = Object.entries(settings).filter(([key]) => {
    const event = eventOfSetting(key);
    return event === undefined || produces(event);
  });
  return Object.fromEntries(
    inForce.map(([key, member]) => {
      const value = isJsonObject(member) ? member['value'] : undefined;
      const isPlain = value === undefined || value === null || typeof value !== 'object';
      return [key, isPlain ? (member ?? null) : { value: brief(value) }];
    }),
  );
}

function brief(value: JsonObject | readonly JsonValue[]): string {
  if (Array.isArray(value)) return value.join(', ');
  const hash = createHash('sha256')
    .update(JSON.stringify(inOrder(value)))
    .digest('hex');
  return `${Object.keys(value).length} members, sha256 ${hash.slice(0, 16)}`;
}

/** A hub may hand the members of an object on in another order. */
function inOrder(value: JsonValue): JsonValue {
  if (!isJsonObject(value)) return value;
  const names = Object.keys(value).sort();
  return Object.fromEntries(names.map((name) => [name, inOrder(value[name] ?? null)]));
}
