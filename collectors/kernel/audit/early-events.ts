import type { Clock } from '../../../base/clock.js';
import type { AuditEvent } from './event.js';

/** On a slow device each of the first subscriptions takes seconds. */
const earlyMs = 30_000;
const mostEvents = 8192;

/**
 * The events of the first moments: what waited in a socket handed over by systemd is read as soon as the first collector
 * subscribes, and concerns those that subscribe right after it as well, also when the first one could not stay. Each gets
 * them once: who subscribes again has seen them.
 */
export class EarlyEvents {
  private events: AuditEvent[] | undefined = [];
  private sinceMs: number | undefined;
  private missed = 0;
  private readonly served = new Set<string>();

  constructor(private readonly clock: Clock) {}

  note(event: AuditEvent): void {
    this.forgetWhenLate();
    if (this.events === undefined) return;
    if (this.events.length < mostEvents) this.events.push(event);
    else this.missed++;
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
