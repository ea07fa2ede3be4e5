import { isJsonObject } from '../../base/json.js';
import { alertMark } from '../../contract/common-details.js';
import { eventDeclarations, type EventName, type Payload } from '../../contract/events.js';

/** The first one is that of the frame, which comes before the payloads. */
const nameInFrame = /"Name":"([A-Za-z]+)"/;

/**
 * Whether an event stays on the device after it was sent: one that its declaration keeps, and any alert. One without
 * payloads found nothing, which is no evidence.
 * @param json the event as it was journaled by the outbox
 */
export function isKept(json: string): boolean {
  const name = nameInFrame.exec(json)?.[1] ?? '';
  const kept = Object.hasOwn(eventDeclarations, name)
    ? eventDeclarations[name as EventName].kept
    : undefined;
  if (kept === undefined && !json.includes(`"${alertMark}"`)) return false;
  const payloads = payloadsOf(json);
  if (kept === true) return payloads.length > 0;
  const hasValue = (payload: Payload): boolean =>
    kept !== undefined &&
    Object.entries(kept).every(([field, values]) =>
      values.includes(String((payload as Readonly<Record<string, unknown>>)[field])),
    );
  return payloads.some(
    (payload) => payload.ExtraDetails?.[alertMark] !== undefined || hasValue(payload),
  );
}

/** Those of what no version of the agent wrote are none. */
function payloadsOf(json: string): readonly Payload[] {
  try {
    const event: unknown = JSON.parse(json);
    const { Payload: payloads } = isJsonObject(event) ? event : {};
    return Array.isArray(payloads) ? payloads.filter(isJsonObject) : [];
  } catch {
    return [];
  }
}
