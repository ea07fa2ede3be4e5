import type { JsonObject, JsonValue } from '../base/json.js';
import { quoted } from '../base/quote.js';
import { printable } from '../base/text.js';
import type { EventName } from '../contract/events.js';
import {
  frequencies,
  type Frequency,
  type MicroAgentSetting,
  microAgentPrefixes,
  microAgentSettings,
} from './micro-agent-settings.js';
import { readSetting } from './read-setting.js';
import { inForce, own, type Rejection, sentence, textOf } from './rejection.js';
import { flag, type Setting, type SettingValue } from './setting.js';
import { type TwinKey, type TwinSettings, twinSettings } from './twin-settings.js';

/** Flat settings in the shape of the contract's object. */
export interface Translation {
  /** Only values that can be used; a wrong one is replaced by what was in force before, or else by its default. */
  readonly object: JsonObject;
  readonly problems: readonly Rejection[];
  /** Of our keys those that the twin itself says something of; for the others the micro agent's default stands there. */
  readonly asked: ReadonlySet<TwinKey>;
  /** Members that look like settings of the micro agent and are none. */
  readonly unknown: readonly string[];
}

const mostMinutes = 365 * 24 * 60;
const longestIdleText = 4096;

const intervalKeys = [
  'highPriorityMessageFrequency',
  'lowPriorityMessageFrequency',
  'snapshotFrequency',
] as const satisfies readonly TwinKey[];

/**
 * Puts the flat settings of the micro agent (`microAgentSettings`) into the shape of the contract. Every wrong key is
 * rejected alone; a key that is absent has the micro agent's default. Never throws.
 * @param previous the settings in force until now
 */
export function readMicroAgent(
  desired: JsonObject,
  previous: TwinSettings | undefined,
): Translation {
  const reader = new Reader(desired, previous);
  for (const [key, setting] of Object.entries(microAgentSettings)) reader.take(key, setting);
  return reader.finish();
}

class Reader {
  private readonly values = new Map<TwinKey, SettingValue>();
  private readonly off = new Set<EventName>();
  private readonly queues = new Map<EventName, Frequency>();
  private readonly problems: Rejection[] = [];
  private readonly asked = new Set<TwinKey>();

  constructor(
    private readonly desired: JsonObject,
    private readonly previous: TwinSettings | undefined,
  ) {}

  take(key: string, setting: MicroAgentSetting): void {
    const written = own(this.desired, key) ?? null;
    switch (setting.kind) {
      case 'intervals': {
        this.takeIntervals(key, setting.standard, written);
        return;
      }
      case 'disabled': {
        this.takeDisabled(key, setting, written);
        return;
      }
      case 'frequency': {
        this.takeFrequency(key, setting, written);
        return;
      }
      case 'same': {
        this.takeSame(key, setting, written);
        return;
      }
      case 'idle': {
        this.takeIdle(key, setting, written);
        return;
      }
    }
  }

  finish(): Translation {
    for (const [event, frequency] of this.queues) {
      const isOff = this.off.has(event);
      this.values.set(`eventPriority${event}`, isOff ? 'Off' : queueOf(frequency));
    }
    const object = [...this.values].map(([key, value]) => [
      key,
      value === null ? null : { value: typeof value === 'object' ? textOf(value) : value },
    ]);
    const unknown = Object.keys(this.desired).filter(
      (name) =>
        !Object.hasOwn(microAgentSettings, name) &&
        microAgentPrefixes.has(name.slice(0, name.indexOf('_') + 1)),
    );
    const { asked, problems } = this;
    return { object: Object.fromEntries(object) as JsonObject, problems, asked, unknown };
  }

  private takeIntervals(key: string, standard: string, written: JsonValue): void {
    if (written !== null) for (const ours of intervalKeys) this.asked.add(ours);
    const minutes = minutesOf(written ?? standard);
    intervalKeys.forEach((ours, index) => {
      const text = `PT${(minutes ?? minutesOf(standard))?.[index] ?? 0}M`;
      const before = this.previous?.[ours].text ?? text;
      this.values.set(ours, minutes === undefined ? before : text);
    });
    if (minutes !== undefined || written === null) return;
    const used = intervalKeys.map((ours) => textOf(this.values.get(ours) ?? null)).join(', ');
    this.reject(
      key,
      written,
      `"High,Medium,Low" in minutes, each a multiple of the one before and at most ${mostMinutes}`,
      used,
    );
  }

  private takeDisabled(
    key: string,
    { events }: MicroAgentSetting & { kind: 'disabled' },
    written: JsonValue,
  ): void {
    for (const event of events) if (written !== null) this.ask(event);
    const reading = readSetting(flag(false, ''), written ?? false, true);
    const isGood = reading.kind === 'value';
    const before = events.some((event) => this.before(event) === 'Off');
    const isOff = isGood ? reading.value === true : before;
    if (isOff) for (const event of events) this.off.add(event);
    if (!isGood) this.reject(key, written, 'true or false', String(isOff));
  }

  private takeFrequency(
    key: string,
    { events, isSnapshot, standard }: MicroAgentSetting & { kind: 'frequency' },
    written: JsonValue,
  ): void {
    for (const event of events) if (written !== null) this.ask(event);
    const asked = written === null ? standard : frequencyOf(written);
    const used = asked ?? this.frequencyBefore(events) ?? standard;
    for (const event of events) this.queues.set(event, used);
    if (asked === undefined) {
      this.reject(key, written, 'Low, Medium or High', used);
      return;
    }
    if (events.length === 0 && asked !== standard) {
      this.tellIdle(key, written);
      return;
    }
    if (!isSnapshot || asked === 'Low' || events.some((event) => this.off.has(event))) return;
    this.problems.push({
      key,
      errorType: 'NotOptimal',
      reason: sentence(
        `${key} is ${quoted(written)}, but all snapshots are taken at the Low interval; only their queue follows it.`,
      ),
      used: textOf(this.values.get('snapshotFrequency') ?? null),
    });
  }

  private takeSame(
    key: string,
    { sets: ours, standard }: MicroAgentSetting & { kind: 'same' },
    written: JsonValue,
  ): void {
    if (written !== null) this.asked.add(ours);
    const reading = readSetting(twinSettings[ours], written ?? standard, true);
    if (reading.kind === 'value') {
      this.values.set(ours, reading.value === '' ? null : reading.value);
      return;
    }
    const before = this.previous?.[ours] ?? null;
    this.values.set(ours, before);
    const expected = reading.kind === 'mismatch' ? reading.expected : reading.limit;
    this.reject(key, written, expected, inForce(before));
  }

  private takeIdle(
    key: string,
    { standard }: MicroAgentSetting & { kind: 'idle' },
    written: JsonValue,
  ): void {
    if (written === null) return;
    const value = idleValue(standard, written);
    if (value === undefined) this.reject(key, written, expectedLike(standard), 'nothing');
    else if (value !== standard) this.tellIdle(key, written);
  }

  /** What was in force for an event; undefined before anything was. */
  private before(event: EventName): string | undefined {
    return this.previous?.[`eventPriority${event}`];
  }

  private frequencyBefore(events: readonly EventName[]): Frequency | undefined {
    const [event] = events;
    const before = event === undefined ? undefined : this.before(event);
    return before === 'High' || before === 'Low' ? before : undefined;
  }

  private ask(event: EventName): void {
    this.asked.add(`eventPriority${event}`);
  }

  private reject(key: string, written: JsonValue, expected: string, used: string): void {
    const reason = sentence(`${key} is ${quoted(written)}, but must be ${expected}.`);
    this.problems.push({ key, errorType: 'TypeMismatch', reason, used: printable(used, 80) });
  }

  private tellIdle(key: string, written: JsonValue): void {
    const says = microAgentSettings[key]?.says.replaceAll('`', '') ?? '';
    const reason = sentence(`${key} is ${quoted(written)}, which has no effect here. ${says}`);
    this.problems.push({ key, errorType: 'NotOptimal', reason, used: 'nothing' });
  }
}

function queueOf(frequency: Frequency): 'High' | 'Low' {
  return frequency === 'High' ? 'High' : 'Low';
}

function frequencyOf(written: JsonValue): Frequency | undefined {
  if (typeof written !== 'string') return undefined;
  return frequencies.find((frequency) => frequency.toLowerCase() === written.toLowerCase());
}

/** The three intervals; undefined for anything that the micro agent would not take. */
function minutesOf(written: JsonValue): readonly number[] | undefined {
  if (typeof written !== 'string' || !/^\s*\d{1,7}(\s*,\s*\d{1,7}){2}\s*$/.test(written))
    return undefined;
  const minutes = written.split(',').map(Number);
  const isRising = minutes.every((each, index) => each % (minutes[index - 1] ?? 1) === 0);
  return isRising && minutes.every((each) => each >= 1 && each <= mostMinutes)
    ? minutes
    : undefined;
}

/** @returns undefined for what is of another type than the default */
function idleValue(standard: JsonValue, written: JsonValue): JsonValue | undefined {
  if (typeof standard === 'string') {
    return typeof written === 'string' && written.length <= longestIdleText
      ? written.trim()
      : undefined;
  }
  const setting: Setting =
    typeof standard === 'boolean'
      ? flag(false, '')
      : {
          kind: 'integer',
          default: 0,
          unit: '',
          minimum: 0,
          maximum: Number.MAX_SAFE_INTEGER,
          meaning: '',
          applies: 'live',
        };
  const reading = readSetting(setting, written, true);
  return reading.kind === 'value' ? (reading.value as JsonValue) : undefined;
}

function expectedLike(standard: JsonValue): string {
  if (typeof standard === 'string') return `a text of at most ${longestIdleText} characters`;
  return typeof standard === 'boolean' ? 'true or false' : 'a whole number of 0 or more';
}
