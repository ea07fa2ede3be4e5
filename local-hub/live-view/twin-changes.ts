import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.js';
import { printable } from '../../base/text.js';
import { brief, shown } from '../../contract/sentences.js';
import type { TwinChange } from '../hub/local-hub.js';
import type { TwinView } from '../hub/twin-service.js';
import type { ViewLine } from './layout.js';
import { postureText } from './posture-text.js';

/** Losses are told again when so much time has passed, in milliseconds. */
const lossIntervalMs = 60_000;
/** Of a change of many settings, so many are named. */
const mostNamed = 6;

/** The agent's own sentences, which are read whole; in UTF-16 units. */
const longestSentence = 400;

const besideSettings: ReadonlySet<string> = new Set(['agentStatus', 'securityPosture']);

type Content = Omit<ViewLine, 'time'>;

function members(value: JsonValue | undefined): readonly (readonly [string, JsonValue])[] {
  return isJsonObject(value) ? Object.entries(value) : [];
}

function sentence(value: JsonValue | undefined): string {
  return typeof value === 'string' ? printable(value, longestSentence) : shown(value);
}

function collectorText(name: string, state: JsonValue): string {
  if (!isJsonObject(state)) return `${brief(name)} ${shown(state)}`;
  const source = state['source'] === undefined ? '' : ` from ${shown(state['source'])}`;
  const but = state['limitation'] === undefined ? '' : `. ${sentence(state['limitation'])}`;
  return `${brief(name)} ${shown(state['state'])}${source}${but}`;
}

function isOff(state: JsonValue): boolean {
  return isJsonObject(state) && state['state'] === 'off';
}

/** The settings of one section by name; a setting is an object with the member `value`. */
function settingsOf(section: JsonObject): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  for (const [name, value] of Object.entries(section)) {
    if (name.startsWith('$') || besideSettings.has(name)) continue;
    for (const [key, setting] of members(value)) {
      const inner = isJsonObject(setting) ? setting['value'] : setting;
      if (inner !== undefined) settings.set(key, shown(inner));
    }
  }
  return settings;
}

/** `component cause` → how many. */
function lossesOf(status: JsonObject): ReadonlyMap<string, number> {
  const all = new Map<string, number>();
  const add = (component: string, losses: JsonValue | undefined): void => {
    for (const [cause, count] of members(losses)) {
      if (typeof count === 'number' && count > 0)
        all.set(`${brief(component)} ${brief(cause)}`, count);
    }
  };
  for (const [name, state] of members(status['collectors'])) {
    if (isJsonObject(state)) add(name, state['losses']);
  }
  for (const [component, losses] of members(status['losses'])) add(component, losses);
  return all;
}

/** What one module says of itself, as far as it changed since it was shown last, and what was lost once in a while. */
export class TwinChanges {
  readonly #shown = new Map<string, string>();
  readonly #settings = new Map<TwinChange['section'], ReadonlyMap<string, string>>();
  readonly #nowMs: () => number;
  #losses: ReadonlyMap<string, number> = new Map();
  #toldLosses: ReadonlyMap<string, number> = new Map();
  #lossesToldMs = -Infinity;

  /** @param nowMs milliseconds of any clock that goes on */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  linesOf({ section }: Pick<TwinChange, 'section'>, twin: TwinView): readonly Content[] {
    const settings = this.#changedSettings(section, twin[section]);
    const status = twin.reported['agentStatus'];
    if (section === 'desired' || !isJsonObject(status)) return settings;
    this.noteLosses(twin);
    return [
      ...settings,
      ...this.#changedPosture(twin.reported['securityPosture']),
      ...this.#changedCollectors(status),
      ...this.#changedRejections(status),
      ...(this.#nowMs() - this.#lossesToldMs < lossIntervalMs ? [] : this.untoldLosses()),
    ];
  }

  /** Takes note of what was lost, and shows nothing. */
  noteLosses({ reported }: TwinView): void {
    const { agentStatus: status } = reported;
    if (isJsonObject(status)) this.#losses = lossesOf(status);
  }

  /** What was lost and is not told yet. */
  untoldLosses(): readonly Content[] {
    const news = [...this.#losses].filter(
      ([cause, count]) => this.#toldLosses.get(cause) !== count,
    );
    if (news.length === 0) return [];
    this.#toldLosses = this.#losses;
    this.#lossesToldMs = this.#nowMs();
    const counts = news.map(([cause, count]) => `${cause} ${count}`).join(', ');
    return [{ subject: '  losses', text: `lost or incomplete so far: ${counts}`, wrap: true }];
  }

  #changedSettings(section: TwinChange['section'], document: JsonObject): readonly Content[] {
    const before = this.#settings.get(section);
    const after = settingsOf(document);
    this.#settings.set(section, after);
    // The first report is that of all settings, most of them the defaults.
    if (before === undefined && section === 'reported') return [];
    const changes = [
      ...[...after].filter(([key, value]) => before?.get(key) !== value),
      ...[...(before ?? [])].filter(([key]) => !after.has(key)).map(([key]) => [key, 'not set']),
    ].map(([key = '', value = '']) => `${brief(key)} ${value}`);
    if (changes.length === 0) return [];
    const named = changes.slice(0, mostNamed).join(', ');
    const rest = changes.length > mostNamed ? `, and ${changes.length - mostNamed} more` : '';
    const text = `${section === 'desired' ? 'desired' : 'in force'}: ${named}${rest}`;
    return [{ subject: '  settings', text, wrap: true }];
  }

  #changedCollectors(status: JsonObject): readonly Content[] {
    const changed = members(status['collectors']).filter(([name, state]) =>
      this.#isNew(`collector ${name}`, collectorText(name, state)),
    );
    const off = changed.filter(([, state]) => isOff(state)).map(([name]) => brief(name));
    const others = changed.filter(([, state]) => !isOff(state));
    return [
      ...others.map(([name, state]) => ({
        subject: '  collector',
        text: collectorText(name, state),
        wrap: true,
      })),
      ...(off.length === 0
        ? []
        : [{ subject: '  collector', text: `${off.join(', ')} off`, wrap: true }]),
    ];
  }

  #changedPosture(posture: JsonValue | undefined): readonly Content[] {
    const text = isJsonObject(posture) ? postureText(posture) : '';
    if (text === '' || !this.#isNew('posture', text)) return [];
    return [{ subject: '  posture', text, wrap: true }];
  }

  #changedRejections(status: JsonObject): readonly Content[] {
    const rejected = members(status['rejected']);
    return rejected
      .map(([key, reason]) => ({ key, text: `${brief(key)}: ${sentence(reason)}` }))
      .filter(({ key, text }) => this.#isNew(`rejected ${key}`, text))
      .map(({ text }) => ({ subject: '  rejected', text, wrap: true }));
  }

  #isNew(subject: string, text: string): boolean {
    const isNew = this.#shown.get(subject) !== text;
    this.#shown.set(subject, text);
    return isNew;
  }
}
