import { isJsonObject, parseJson, type JsonValue } from '../../../base/json.js';
import { localSettings, type LocalKey } from '../../../config/local-settings.js';
import { readSetting } from '../../../config/read-setting.js';

/** The local file, for somebody else's eyes. */
export interface ShownSettings {
  readonly shown: JsonValue;
  /** Texts that are not shown; a problem may quote them. */
  readonly hidden: readonly string[];
}

const notShown = '(not shown)';
/** A shorter name is a word, which other texts are full of. */
const shortestSecretName = 16;

/**
 * The local file with nothing but values that a setting takes: somebody may have written a secret under a name of his own,
 * or the secret itself where the file that holds it is to be named.
 * @param text what is in the file
 */
export function shownSettings(text: string): ShownSettings {
  const hidden: string[] = [];
  const hide = (value: JsonValue): JsonValue => {
    if (typeof value === 'string') hidden.push(value);
    else if (Array.isArray(value)) value.forEach(hide);
    else if (isJsonObject(value)) {
      for (const [name, inner] of Object.entries(value)) {
        if (name.length >= shortestSecretName) hidden.push(name);
        hide(inner);
      }
    }
    return notShown;
  };
  const show = (value: JsonValue, key: string): JsonValue => {
    if (isSetting(key)) return isTaken(key, value) ? value : hide(value);
    const isGroup = key === '' || keys.some((name) => name.startsWith(`${key}.`));
    if (!isGroup || !isJsonObject(value)) return hide(value);
    const known: Record<string, JsonValue> = {};
    let unknown = 0;
    for (const [name, inner] of Object.entries(value)) {
      const path = key === '' ? name : `${key}.${name}`;
      if (keys.some((other) => other === path || other.startsWith(`${path}.`))) {
        known[name] = show(inner, path);
      } else {
        unknown++;
        hide({ [name]: inner });
      }
    }
    return unknown === 0 ? known : { ...known, [`(${unknown} that are no settings)`]: notShown };
  };
  try {
    return { shown: show(parseJson(text.replace(/^\uFEFF/, '')), ''), hidden };
  } catch {
    // What is wrong with it, doctor says.
    return { shown: `${notShown.slice(0, -1)}: it is not JSON)`, hidden };
  }
}

const keys: readonly string[] = Object.keys(localSettings);

const isSetting = (key: string): key is LocalKey => Object.hasOwn(localSettings, key);

/** A pattern for secrets may well be one. */
function isTaken(key: LocalKey, value: JsonValue): boolean {
  return (
    key !== 'redactionPatterns' && readSetting(localSettings[key], value, false).kind !== 'mismatch'
  );
}
