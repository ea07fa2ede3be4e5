import { describe, expect, it } from 'vitest';
import { EarlyEvents } from '../../../../collectors/kernel/audit/early-events.js';
import type { AuditEvent } from '../../../../collectors/kernel/audit/event.js';
import { FakeClock } from '../../../support/fake-clock.js';

function event(serial: number, characters: number): AuditEvent {
  const [id, timeMs] = [`1.000:${serial}`, 1000];
  const record = { type: 1300, id, serial, timeMs, body: 'x'.repeat(characters) };
  return { id, serial, timeMs, records: [record, record], complete: true };
}

describe('the events of the first moments', () => {
  it('take no more memory than what can have waited in a socket, and what is not kept is counted', () => {
    const early = new EarlyEvents(new FakeClock());
    for (let serial = 1; serial <= 8000; serial++) early.note(event(serial, 8000));
    const { events, missed } = early.before('Login');
    const characters = events.length * 2 * 8000;
    expect(characters).toBeLessThanOrEqual(3 * 1024 * 1024);
    expect(characters).toBeGreaterThan(3_000_000);
    expect(events.map(({ serial }) => serial)).toEqual(events.map((_, index) => index + 1));
    expect(events.length + missed).toBe(8000);
  });
});
