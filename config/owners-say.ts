import type { EventName } from '../contract/events.js';
import type { Evaluation } from './evaluate-twin.js';
import { type Rejection, sentence } from './rejection.js';
import type { Setting } from './setting.js';
import { type TwinKey, type TwinSettings, twinSettings } from './twin-settings.js';

/**
 * The settings in force where the owner of the device has switched events off in its local file: their priority is `Off`
 * whatever the twin says, and where the twin itself asks for something else that is told as a conflict.
 */
export function withOwnersSay(evaluation: Evaluation, disabled: readonly EventName[]): Evaluation {
  const keys = new Set(disabled.map((name) => `eventPriority${name}` as const));
  if (keys.size === 0) return evaluation;
  const { problems, reported, settings } = evaluation;
  const off = Object.fromEntries([...keys].map((key) => [key, 'Off'])) as Partial<TwinSettings>;
  const conflicts = [...keys].flatMap((key): Rejection[] =>
    settings[key] === 'Off' || !isAsked(key, evaluation)
      ? []
      : [
          {
            key,
            errorType: 'Conflict',
            reason: sentence(
              `${key} is ${settings[key]}, but the owner of the device has switched these events off (disabledEvents in its local file).`,
            ),
            used: 'Off',
          },
        ],
  );
  return {
    ...evaluation,
    settings: { ...settings, ...off },
    reported: {
      ...reported,
      ...Object.fromEntries([...keys].map((key) => [key, { value: 'Off' }])),
    },
    problems: [...problems, ...conflicts],
  };
}

/** Whether the twin itself sets it, by its own name or by that of the setting that stands in for it. */
function isAsked(key: TwinKey, { asked }: Evaluation): boolean {
  const setting: Setting = twinSettings[key];
  const inherited = setting.kind === 'priority' ? setting.inherits : undefined;
  return asked.has(key) || (inherited !== undefined && asked.has(inherited as TwinKey));
}
