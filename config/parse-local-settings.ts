import { isJsonObject, JsonError, parseJson } from '../base/json.js';
import type { JsonObject, JsonValue } from '../base/json.js';
import { quoted } from '../base/quote.js';
import { printable } from '../base/text.js';
import type { ErrorCode } from '../contract/error-code.js';
import { companions, identityFaults, type IdentityKey } from './identity-ways.js';
import { localSettings } from './local-settings.js';
import type { LocalKey, LocalSettings } from './local-settings.js';
import { nearest } from './nearest.js';
import { defaultValue, readSetting } from './read-setting.js';
import type { Setting, SettingValue } from './setting.js';

/** Something in the local file that has to be mended before the agent can run. */
interface Problem {
  /** Dotted, as in `identity.keyFile`; empty when the whole file is meant. */
  readonly key: string;
  /** A sentence that names the file, the key and the remedy. */
  readonly message: string;
}

export type LocalResult =
  { readonly settings: LocalSettings } | { readonly problems: readonly Problem[] };

const table: Readonly<Record<string, Setting>> = localSettings;
const keys = Object.keys(localSettings) as LocalKey[];

/**
 * Reads the local file. Unlike the twin it is written by hand and read once, so that nothing is taken leniently: every
 * problem is told, all of them at once, and none of the settings is used.
 */
export function parseLocalSettings(text: string, fileName: string): LocalResult {
  let document: JsonValue;
  try {
    document = parseJson(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    const message = `${fileName} is not valid JSON: line ${error.line}, column ${error.column}: ${error.fault}. Correct it there; JSON knows neither comments nor trailing commas [Local Configuration / File Format].`;
    return { problems: [{ key: '', message }] };
  }
  if (!isJsonObject(document)) {
    const message = `${fileName} holds ${shown(document)}, but must hold an object with the settings in it: {"identity": {…}} [Local Configuration / File Format].`;
    return { problems: [{ key: '', message }] };
  }
  const reader = new LocalReader(fileName);
  reader.readObject(document, '');
  reader.checkIdentity();
  reader.checkCompanions();
  return reader.problems.length > 0
    ? { problems: reader.problems }
    : { settings: reader.settings() };
}

/** The settings of an empty file: every default, and no identity. */
export function standardLocalSettings(): LocalSettings {
  return new LocalReader('').settings();
}

class LocalReader {
  readonly problems: Problem[] = [];
  readonly #values = new Map<string, SettingValue>();
  /** Keys that stand in the file, rightly or not. */
  readonly #written = new Set<string>();
  readonly #fileName: string;

  constructor(fileName: string) {
    this.#fileName = fileName;
  }

  readObject(object: JsonObject, prefix: string): void {
    for (const [name, value] of Object.entries(object)) {
      const key = prefix + name;
      const setting = Object.hasOwn(table, key) ? table[key] : undefined;
      if (setting) this.#readKey(key, setting, value);
      else if (!keys.some((known) => known.startsWith(`${key}.`))) this.#unknown(key);
      else if (isJsonObject(value)) this.readObject(value, `${key}.`);
      else {
        this.#written.add(key);
        this.#problem(key, `is ${shown(value)}, but must be an object: {…}`);
      }
    }
  }

  /** Who the agent is must be said once, and completely. */
  checkIdentity(): void {
    // One that is wrong was told; what it would need is not known.
    if (this.#written.has('identity')) return;
    const mode = this.#values.get('identity.mode') as string | undefined;
    if (this.#written.has('identity.mode') && mode === undefined) return;
    const head = 'identity.';
    const names = [...this.#written]
      .filter((key) => key.startsWith(head) && key !== 'identity.mode' && Object.hasOwn(table, key))
      .map((key) => key.slice(head.length)) as IdentityKey[];
    const standard = localSettings['identity.mode'].default;
    for (const { code, key, says } of identityFaults(mode ?? standard, new Set(names))) {
      const whole = head + key;
      const isWrongAbove = this.#written.has(whole.slice(0, whole.lastIndexOf('.')));
      if (!isWrongAbove) this.#problem(whole, says, code);
    }
  }

  checkCompanions(): void {
    for (const [key, needed] of Object.entries(companions)) {
      if (!this.#written.has(key) || this.#written.has(needed)) continue;
      this.#problem(
        key,
        `belongs to ${needed}, which is missing; set that too, or remove this one`,
        'Local Configuration / Missing Configuration',
      );
    }
  }

  settings(): LocalSettings {
    const root: Record<string, unknown> = {};
    for (const key of keys) {
      const value = this.#values.get(key) ?? defaultValue(table[key] as Setting);
      const path = key.split('.');
      const name = path.pop() ?? '';
      let place = root;
      // The branches are there also where nothing is in them.
      for (const branch of path) place = (place[branch] ??= {}) as Record<string, unknown>;
      if (value !== undefined) place[name] = value;
    }
    return root as unknown as LocalSettings;
  }

  #readKey(key: string, setting: Setting, json: JsonValue): void {
    this.#written.add(key);
    const reading = readSetting(setting, json, false);
    switch (reading.kind) {
      case 'value':
        this.#values.set(key, reading.value);
        return;
      case 'clamped':
        this.#problem(key, `is ${shown(json)}, which is ${reading.limit}; choose another value`);
        return;
      case 'mismatch': {
        const instead = json === null ? 'remove the key, or set it to' : 'but must be';
        this.#problem(
          key,
          `is ${shown(json)}${json === null ? ';' : ','} ${instead} ${reading.expected}`,
        );
      }
    }
  }

  #unknown(key: string): void {
    const name = printable(withoutSecrets(key), 80);
    const suggestion = nearest(key, keys);
    // What was meant is there, so that it is not called missing as well.
    if (suggestion) this.#written.add(suggestion);
    this.#problem(
      name,
      suggestion
        ? `is not a setting; did you mean ${suggestion}? Correct or remove it`
        : 'is not a setting; remove it',
    );
  }

  #problem(
    key: string,
    says: string,
    code: ErrorCode = 'Local Configuration / Cant Parse Configuration',
  ): void {
    this.problems.push({ key, message: `${this.#fileName}: ${key} ${says} [${code}].` });
  }
}

/** As long as the keys that IoT Hub makes (32 or 64 bytes, base64), which were pasted into the wrong setting. */
const keyLike = /(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43,}={1,2}/g;

/** A value that was written, without what may be a password in an address, or a key. */
function shown(json: JsonValue): string {
  return quoted(typeof json === 'string' ? withoutSecrets(json) : json);
}

function withoutSecrets(text: string): string {
  const withoutKeys = text.replace(/(SharedAccessKey=)[^;]*/gi, '$1***').replace(keyLike, '***');
  return withoutKeys.replace(/\/\/.*@/s, '//***@');
}
