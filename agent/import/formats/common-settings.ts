import { duration, parseDuration } from '../../../base/duration.js';
import type { JsonValue } from '../../../base/json.js';
import { localSettings } from '../../../config/local-settings.js';
import { readSetting } from '../../../config/read-setting.js';
import { configurationObjectName } from '../../../config/twin-settings.js';
import type { Left } from './findings.js';

type Members = Readonly<Record<string, JsonValue>>;

/** The AgentId stays, so that the messages are those of the same agent; neither old agent's file need hold a GUID. */
export function agentIdSetting(key: string, text: string, left: Left): Members {
  const id = text.trim().replace(/^\{(.*)\}$/, '$1');
  if (readSetting(localSettings.agentId, id, false).kind === 'value') return { agentId: id };
  if (id === '') left.say(key, '', 'it is empty, so that this agent makes an id of its own');
  else left.say(key, text, 'it is no GUID, so that this agent makes an id of its own');
  return {};
}

/** How long the old agents waited for the hub at their start, as this one waits for each answer. */
export function timeoutSetting(
  key: string,
  written: string,
  iso: string | undefined,
  left: Left,
): Members {
  const setting = localSettings.requestTimeout;
  const reading = iso === undefined ? undefined : readSetting(setting, iso, false);
  if (iso === undefined || reading?.kind === 'mismatch' || reading === undefined) {
    left.say(key, written, `it is no span of time, so that requestTimeout stays as it is`);
    return {};
  }
  if (reading.kind === 'clamped') {
    left.say(
      key,
      written,
      `requestTimeout goes from ${setting.minimum} to ${setting.maximum}, and stays as it is`,
    );
    return {};
  }
  return parseDuration(iso)?.ms === duration(setting.default).ms ? {} : { requestTimeout: iso };
}

export function objectNameSetting(text: string): Members {
  const name = text.trim();
  return name === '' || name === configurationObjectName
    ? {}
    : { remoteConfigurationObjectName: name };
}
