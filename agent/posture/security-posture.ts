import type { Clock, Timer } from '../../base/clock.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.js';
import { utcText } from '../../base/timestamps.js';
import type { CurrentSettings } from '../../config/settings.js';
import type { Payload, SnapshotName } from '../../contract/events.js';
import type { CollectorState } from '../runner/collector-state.js';
import { updatesPosture } from './updates-posture.js';
import { postures, type PostureOf } from './snapshot-posture.js';

interface PostureOptions {
  readonly clock: Clock;
  readonly settings: CurrentSettings;
  readonly states: () => Readonly<Record<string, CollectorState>>;
  /** How the agent is, as far as it can be told over a connection. */
  readonly health: () => { readonly health: string; readonly problems: readonly string[] };
  /** @param urgent the posture is complete for the first time in this run */
  readonly onChange: (urgent: boolean) => void;
}

/** Of collectors that began to fail, and of the agent itself; what is found is taken when it is. */
const lookIntervalMs = 60_000;
/** Of what an earlier run left. */
const longestStored = 1536;

const notKnown: JsonObject = { state: 'notKnown' };
const members = Object.entries(postures) as readonly (readonly [SnapshotName, PostureOf])[];

/**
 * How secure the device is, small enough for the twin and to ask for over a fleet.
 *
 * 1. It learns from snapshots that were found, and looks at nothing by itself.
 * 2. What was not found yet, or cannot be found any more, is `notKnown`; an event that is switched off has no member.
 * 3. What was found in an earlier run holds until a snapshot of this one says otherwise.
 * 4. It names no user, and takes at most 1.5 KB (`snapshot-posture.ts` bounds the texts).
 */
export class SecurityPosture {
  private readonly found = new Map<string, JsonObject>();
  private readonly foundNow = new Set<string>();
  private wasComplete = false;
  private toldFacts = '';
  private toldAgent = '';
  private changedMs: number | undefined;
  private timer: Timer | undefined;

  constructor(private readonly options: PostureOptions) {}

  start(): void {
    this.timer = this.options.clock.after(lookIntervalMs, () => {
      this.look();
      this.start();
    });
  }

  stop(): void {
    this.timer?.cancel();
  }

  /** Takes what `memory` gave in an earlier run; what is not of that form counts as not known. */
  restore(stored: JsonValue | undefined): void {
    if (!isJsonObject(stored)) return;
    const { changedMs, found, told } = stored;
    if (typeof changedMs === 'number' && typeof told === 'string') {
      this.changedMs = changedMs;
      this.toldFacts = told;
    }
    if (!isJsonObject(found) || JSON.stringify(found).length > longestStored) return;
    for (const [, { member }] of members) {
      const value = found[member];
      if (isJsonObject(value)) this.found.set(member, value);
    }
  }

  /** What the next run needs to know. */
  memory(): JsonObject {
    const { changedMs, found, toldFacts } = this;
    return {
      found: Object.fromEntries(found),
      ...(changedMs !== undefined && { changedMs, told: toldFacts }),
    };
  }

  /** A snapshot was taken; the state of its collector is that of having found it. */
  took(name: SnapshotName, payloads: readonly Payload[]): void {
    const posture = postures[name];
    if (posture === undefined) return;
    const state = this.options.states()[name] ?? { state: 'running' };
    this.found.set(posture.member, posture.summary(payloads, state));
    this.foundNow.add(posture.member);
    this.look();
  }

  /** The member `securityPosture` of the reported properties. */
  document(): JsonObject {
    const { changedMs } = this;
    return {
      ...this.facts(),
      agent: this.agent(),
      ...(changedMs !== undefined && { changedUtc: utcText(changedMs) }),
    };
  }

  private look(): void {
    const isFirst = !this.wasComplete && this.isComplete();
    this.wasComplete ||= isFirst;
    const facts = JSON.stringify(this.facts());
    const agent = JSON.stringify(this.agent());
    if (facts === this.toldFacts && agent === this.toldAgent && !isFirst) return;
    if (facts !== this.toldFacts) this.changedMs = this.options.clock.wallMs();
    this.toldFacts = facts;
    this.toldAgent = agent;
    this.options.onChange(isFirst);
  }

  private isComplete(): boolean {
    return this.wanted().every(
      ([name, { member }]) => this.foundNow.has(member) || !this.isSeen(name),
    );
  }

  private wanted(): readonly (readonly [SnapshotName, PostureOf])[] {
    const { current } = this.options.settings;
    return members.filter(([name]) => current[`eventPriority${name}`] !== 'Off');
  }

  private isSeen(name: SnapshotName): boolean {
    const state = this.options.states()[name]?.state;
    return state !== 'failing' && state !== 'unavailable';
  }

  private facts(): JsonObject {
    const facts = this.wanted().map(
      ([name, { member }]) =>
        [member, (this.isSeen(name) ? this.found.get(member) : undefined) ?? notKnown] as const,
    );
    const software = this.options.states()['SoftwareInventory'];
    return { ...Object.fromEntries(facts), updates: updatesPosture(software?.counters) };
  }

  private agent(): JsonObject {
    const { health, problems } = this.options.health();
    const names = [...new Set(problems)].sort();
    return { health, ...(names.length > 0 && { problems: names.join(', ') }) };
  }
}
