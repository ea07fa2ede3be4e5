import type { JsonObject } from '../../base/json.js';

/** So old are lists of packages that nobody brings up to date. */
const staleDays = 7;

/**
 * Newer versions that the device knows of, by what the collector `SoftwareInventory` counts; what it does not count is not
 * known: no manager of packages that tells it, no lists, or lists that do not tell which updates mend a weakness.
 */
export function updatesPosture(counters: Readonly<Record<string, number>> = {}): JsonObject {
  const { rebootRequired, securityUpdates, updateListsAgeDays, updates } = counters;
  return {
    state: updates === undefined ? 'notKnown' : 'known',
    ...(updates !== undefined && { available: updates }),
    ...(securityUpdates !== undefined && { security: securityUpdates }),
    ...(updateListsAgeDays !== undefined && { listsStale: updateListsAgeDays > staleDays }),
    ...(rebootRequired !== undefined && { rebootRequired: rebootRequired > 0 }),
  };
}
