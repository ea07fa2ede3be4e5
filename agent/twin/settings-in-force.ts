import type { JsonObject } from '../../base/json.js';
import { eventOfSetting } from '../../config/twin-settings.js';

/**
 * What the reported properties tell of the settings: without those of events that nothing here produces, because what is
 * reported counts as in force. A collector that is added has its settings told from then on.
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
  return Object.fromEntries(inForce);
}
