import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventAssembler } from '../../../../collectors/kernel/audit/assembler.js';
import type { AuditEvent, AuditRecord } from '../../../../collectors/kernel/audit/event.js';
import { SerialGaps } from '../../../../collectors/kernel/audit/serials.js';

const record = (serial: number, type: number, body = 'x'): AuditRecord => ({
  type,
  id: `1.000:${serial}`,
  serial,
  timeMs: 1000,
  body,
});

function assembler(bounds?: { events: number; characters: number }) {
  const events: AuditEvent[] = [];
  const counts = { overflows: 0, bareEnds: 0 };
  const subject = new EventAssembler(
    (event) => events.push(event),
    () => counts.overflows++,
    bounds,
    () => counts.bareEnds++,
  );
  return { subject, events, counts };
}

describe('the assembly of audit events', () => {
  it('an event is complete at its end record', () => {
    const { subject, events } = assembler();
    for (const type of [1300, 1309, 1307]) subject.push(record(1, type), 0);
    expect(events).toEqual([]);
    subject.push(record(1, 1320), 0);
    expect(events).toMatchObject([{ serial: 1, complete: true }]);
    expect(events[0]?.records.map(({ type }) => type)).toEqual([1300, 1309, 1307]);
  });

  it('an end record after PROCTITLE begins nothing new', () => {
    const { subject, events } = assembler();
    for (const type of [1300, 1327, 1320]) subject.push(record(1, type), 0);
    expect(events).toHaveLength(1);
    expect(subject.waiting).toBe(false);
  });

  it('an end record whose event is lost is told, unless the event began before the first one seen', () => {
    const { subject, counts } = assembler();
    subject.push(record(4, 1320), 0);
    for (const type of [1300, 1327, 1320]) subject.push(record(5, type), 0);
    subject.push(record(3, 1320), 0);
    expect(counts.bareEnds).toBe(0);
    subject.push(record(6, 1320), 0);
    expect(counts.bareEnds).toBe(1);
  });

  it('an end record that comes after its event was given up is none of a lost one', () => {
    const { subject, counts } = assembler();
    subject.push(record(1, 1300), 0);
    subject.push(record(2, 1300), 0);
    subject.expire(5000);
    subject.push(record(2, 1320), 5000);
    expect(counts.bareEnds).toBe(0);
  });

  it('records of user space do not wait', () => {
    const { subject, events } = assembler();
    subject.push(record(1, 1112), 0);
    expect(events).toMatchObject([{ serial: 1, complete: true }]);
  });

  it('nothing waits longer than two seconds, and what did is incomplete', () => {
    const { subject, events } = assembler();
    subject.push(record(1, 1300), 0);
    subject.push(record(2, 1300), 1500);
    expect(subject.expire(1999)).toBe(1);
    expect(subject.expire(2000)).toBe(1500);
    expect(events).toMatchObject([{ serial: 1, complete: false }]);
    expect(subject.expire(3500)).toBeUndefined();
    expect(events).toHaveLength(2);
  });

  it('what goes on is not given up, however long it takes', () => {
    const { subject, events } = assembler();
    for (let nowMs = 0; nowMs < 10_000; nowMs += 1000) {
      subject.push(record(1, 1309), nowMs);
      subject.expire(nowMs);
    }
    expect(events).toEqual([]);
    subject.push(record(1, 1320), 10_000);
    expect(events).toMatchObject([{ serial: 1, complete: true }]);
  });

  it('what waits is bounded in events, and the oldest goes early and is counted', () => {
    const { subject, events, counts } = assembler({ events: 2, characters: 1000 });
    for (const serial of [1, 2, 3]) subject.push(record(serial, 1300), 0);
    expect(events).toMatchObject([{ serial: 1, complete: false }]);
    expect(counts.overflows).toBe(1);
  });

  it('what waits is bounded in characters', () => {
    const { subject, events, counts } = assembler({ events: 100, characters: 50 });
    subject.push(record(1, 1300, 'a'.repeat(30)), 0);
    subject.push(record(2, 1300, 'b'.repeat(30)), 0);
    expect(events).toMatchObject([{ serial: 1, complete: false }]);
    expect(counts.overflows).toBe(1);
  });

  it('every record ends up in exactly one event, in whatever order they come', () => {
    const stream = fc.array(
      fc.tuple(fc.nat(8), fc.constantFrom(1300, 1309, 1307, 1302, 1320, 1327, 1112), fc.nat(900)),
    );
    fc.assert(
      fc.property(stream, (steps) => {
        const { subject, events } = assembler({ events: 3, characters: 200 });
        const given: AuditRecord[] = [];
        let nowMs = 0;
        for (const [serial, type, stepMs] of steps) {
          const one = record(serial, type, 'y'.repeat(10));
          if (type !== 1320) given.push(one);
          nowMs += stepMs;
          subject.push(one, nowMs);
          subject.expire(nowMs);
        }
        subject.flush();
        const got = events.flatMap(({ records }) => records);
        expect(got).toHaveLength(given.length);
        expect(new Set(got)).toEqual(new Set(given));
        for (const event of events) {
          expect(event.records.every(({ id }) => id === event.id)).toBe(true);
        }
      }),
    );
  });
});

describe('gaps of audit serials', () => {
  it('a serial that does not come within two seconds counts once', () => {
    const gaps = new SerialGaps();
    for (const serial of [100, 101, 105]) gaps.see(serial, 0);
    expect(gaps.expire(1999)).toBe(0);
    expect(gaps.expire(2000)).toBe(3);
    expect(gaps.expire(9999)).toBe(0);
  });

  it('events of different processors that overtake one another are no gap', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray(
          Array.from({ length: 40 }, (_, index) => index + 1),
          { minLength: 40 },
        ),
        (order) => {
          const gaps = new SerialGaps();
          gaps.see(0, 0);
          for (const serial of order) gaps.see(serial, 100);
          expect(gaps.waiting).toBe(false);
          expect(gaps.expire(10_000)).toBe(0);
        },
      ),
    );
  });

  it('what never came is counted exactly, however the rest was ordered', () => {
    const serials = Array.from({ length: 60 }, (_, index) => index + 1);
    fc.assert(
      fc.property(fc.shuffledSubarray(serials), (order) => {
        const gaps = new SerialGaps();
        gaps.see(0, 0);
        for (const serial of order) gaps.see(serial, 0);
        const highest = Math.max(0, ...order);
        expect(gaps.expire(5000)).toBe(highest - order.length);
      }),
    );
  });

  it('serials before the first one seen are not missed', () => {
    const gaps = new SerialGaps();
    gaps.see(5000, 0);
    gaps.see(4990, 0);
    expect(gaps.expire(10_000)).toBe(0);
  });
});
