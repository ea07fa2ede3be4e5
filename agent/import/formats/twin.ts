import { isJsonObject, type JsonObject, type JsonValue } from '../../../base/json.js';
import { quoted } from '../../../base/quote.js';
import { evaluateTwin } from '../../../config/evaluate-twin.js';
import { localSettings } from '../../../config/local-settings.js';
import { readSetting } from '../../../config/read-setting.js';
import { chooseDialect, twinDialects } from '../../../config/twin-dialects.js';
import { configurationObjectName, twinSettings } from '../../../config/twin-settings.js';
import { type Findings, type GivenFile, Left } from './findings.js';

/**
 * The desired properties of a twin as it was saved: whole (`az iot hub module-twin show`), its properties alone, or the
 * desired ones alone.
 * @returns undefined for what is none
 */
export function desiredOf(document: JsonObject): JsonObject | undefined {
  const properties = document['properties'];
  const outer = isJsonObject(properties) ? properties : document;
  const desired = outer['desired'] ?? document;
  if (!isJsonObject(desired)) return undefined;
  return outer['desired'] !== undefined || objectNameIn(desired) !== undefined
    ? desired
    : undefined;
}

/** The object in it that holds settings, where one does; that of the contract where another dialect does. */
function objectNameIn(desired: JsonObject): string | undefined {
  if (chooseDialect(desired, configurationObjectName).dialect !== 'none')
    return configurationObjectName;
  return Object.keys(desired).find((name) => {
    const object = desired[name];
    return (
      isJsonObject(object) && Object.keys(object).some((key) => Object.hasOwn(twinSettings, key))
    );
  });
}

/** Reads a saved twin. Its settings stay where they are, in the hub; what this agent makes of them is told. */
export function readTwin(file: GivenFile, desired: JsonObject): Findings {
  const objectName = objectNameIn(desired) ?? configurationObjectName;
  const { dialect, problems, unknownKeys } = evaluateTwin(desired, undefined, objectName);
  const left = new Left(file);
  const settings: Record<string, JsonValue> =
    objectName === configurationObjectName ? {} : { remoteConfigurationObjectName: objectName };
  const local = dialect === 'microAgent' ? localOf(desired, left) : {};
  for (const { key, reason } of problems) {
    if (!localKeys.has(key)) left.sentences.push(`${reason} (${file.path})`);
  }
  for (const key of unknownKeys) left.say(key, '', 'it is no setting of a twin');
  return {
    is: `a twin with ${twinDialects[dialect].title}, which stays in the hub, where the agent reads it`,
    settings: { ...settings, ...local },
    left: left.sentences,
  };
}

/** Settings of the micro agent's twin that the local file of this agent holds. */
const localKeys: ReadonlySet<string> = new Set(['Process_Mode', 'Process_PollingInterval']);

/** By `Process_Mode`; 1 takes the best source, as this agent does unless told otherwise. */
const processSources: Readonly<Record<number, string>> = { 2: 'proc-connector', 3: 'polling' };

function localOf(desired: JsonObject, left: Left): Record<string, JsonValue> {
  const settings: Record<string, JsonValue> = {};
  const mode = desired['Process_Mode'] ?? 1;
  const source = typeof mode === 'number' ? processSources[mode] : undefined;
  if (source !== undefined) settings['processSource'] = source;
  else if (mode !== 1) left.say('Process_Mode', quoted(mode), 'it is neither 1, 2 nor 3');
  const interval = desired['Process_PollingInterval'] ?? undefined;
  if (interval === undefined) return settings;
  const iso = typeof interval === 'number' ? `PT${interval / 1_000_000}S` : '';
  const reading = readSetting(localSettings.processPollingInterval, iso, false);
  if (reading.kind === 'value') settings['processPollingInterval'] = iso;
  else
    left.say(
      'Process_PollingInterval',
      quoted(interval),
      'processPollingInterval goes from 0.1 seconds to an hour, and stays as it is',
    );
  return settings;
}
