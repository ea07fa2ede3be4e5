import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.js';
import { brief, shown } from '../../contract/sentences.js';

const object = (value: JsonValue | undefined): JsonObject => (isJsonObject(value) ? value : {});
const isKnown = (member: JsonObject): boolean => member['state'] === 'known';

/** `securityPosture` of a twin in one line, as far as something is known; empty where nothing is. */
export function postureText(posture: JsonObject): string {
  const [baseline, listeners, users, firewall] = ['baseline', 'listeners', 'users', 'firewall'].map(
    (name) => object(posture[name]),
  ) as [JsonObject, JsonObject, JsonObject, JsonObject];
  const failed = Object.entries(object(baseline['failed'])).map(
    ([severity, value]) => `${shown(object(value)['count'])} ${brief(severity)}`,
  );
  const { state } = firewall;
  return [
    ...(isKnown(baseline)
      ? [
          `baseline ${shown(baseline['scorePercent'])} %${failed.length === 0 ? '' : ` (failed: ${failed.join(', ')})`}`,
        ]
      : []),
    ...(isKnown(listeners)
      ? [
          `open to any address: ${shown(listeners['anyAddressTcp'])} tcp, ${shown(listeners['anyAddressUdp'])} udp`,
        ]
      : []),
    ...(isKnown(users)
      ? [`users with shell and password: ${shown(users['shellAndPassword'])}`]
      : []),
    ...(state === undefined || state === 'notKnown' ? [] : [`firewall ${shown(state)}`]),
  ].join('; ');
}
