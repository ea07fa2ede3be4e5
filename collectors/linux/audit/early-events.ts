import type { Clock } from '../../clock.js';
import type { AuditEvent } from './event.js';

const earlyMs = 2000;
const mostEvents = 8192;

/**
 * The events of the first moments: what waited in a socket handed over by systemd is read as soon as the first collector
 * subscribes, and concerns those that subscribe right after it as well, also when the first one could not stay.
 */
export class EarlyEvents {
  private events: AuditEvent[] | undefined = [];
  private sinceMs: number | undefined;

  constructor(private readonly clock: Clock) {}

  note(event: AuditEvent): void {
    this.forgetWhenLate();
    if (this.events !== undefined && this.events.length < mostEvents) this.events.push(event);
  }

  /** What came before the present moment; nothing once the first moments are over. */
  before(): readonly AuditEvent[] {
    this.forgetWhenLate();
    return this.events?.slice() ?? [];
  }

  private forgetWhenLate(): void {
    const nowMs = this.clock.monotonicMs();
    this.sinceMs ??= nowMs;
    if (nowMs - this.sinceMs >= earlyMs) this.events = undefined;
  }
}
