import type { Clock } from '../../../base/clock.js';
import type { AuditEvent } from './event.js';

/** On a slow device each of the first subscriptions takes seconds. */
const earlyMs = 30_000;
const mostEvents = 8192;
/**
 * Of all their records. More cannot have waited: in a socket of 8 MiB each record takes 1 KiB or more, and has some 250
 * characters.
 */
const mostCharacters = 3 * 1024 * 1024;

/**
 * The events of the first moments: what waited in a socket handed over by systemd is read as soon as the first collector
 * subscribes, and concerns those that subscribe right after it as well, also when the first one could not stay. Each gets
 * them once: who subscribes again has seen them. Kept are the oldest, 8,192 at most with 3 Mi characters together.
 */
export class EarlyEvents {
  private events: AuditEvent[] | undefined = [];
  private sinceMs: number | undefined;
  private characters = 0;
  private missed = 0;
  private readonly served = new Set<string>();

  constructor(private readonly clock: Clock) {}

  note(event: AuditEvent): void {
    this.forgetWhenLate();
    if (this.events === undefined) return;
    const characters = event.records.reduce((sum, { body }) => sum + body.length, 0);
    if (this.events.length < mostEvents && this.characters + characters <= mostCharacters) {
      this.events.push(event);
      this.characters += characters;
    } else this.missed++;
  }

  /**
   * What came before the present moment, for the subscriber of this name, and how many more there were than are kept;
   * nothing once the first moments are over.
   */
  before(name: string): { readonly events: readonly AuditEvent[]; readonly missed: number } {
    this.forgetWhenLate();
    if (this.events === undefined || this.served.has(name)) return { events: [], missed: 0 };
    this.served.add(name);
    return { events: this.events.slice(), missed: this.missed };
  }

  private forgetWhenLate(): void {
    const nowMs = this.clock.monotonicMs();
    this.sinceMs ??= nowMs;
    if (nowMs - this.sinceMs >= earlyMs) this.events = undefined;
  }
}
