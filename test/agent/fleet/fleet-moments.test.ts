import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DevicePhase } from '../../../agent/fleet/device-phase.js';
import { FleetMoments } from '../../../agent/fleet/fleet-moments.js';
import { FakeClock } from '../../support/fake-clock.js';

const span = (ms: number) => ({ text: `PT${ms / 1000}S`, ms });
const spreadMs = fc.integer({ min: 10_000, max: 86_400_000 });

function device(identity: string, clock: FakeClock, reconnectMs: number, twinMs: number) {
  return new FleetMoments(DevicePhase.of(identity), clock, {
    current: { reconnectSpread: span(reconnectMs), twinSpread: span(twinMs) },
  });
}

describe('the moments of a fleet', () => {
  it('without a spread are now, and leave every back-off as it is', () => {
    const moments = device('d', new FakeClock(), 0, 0);
    expect([
      moments.connectMs(0),
      moments.firstReadMs(),
      moments.readMs(0),
      moments.reportMs(0),
    ]).toEqual([0, 0, 0, 0]);
    expect([moments.reconnectMs(1600), moments.readMs(5000), moments.reportMs(2000)]).toEqual([
      1600, 5000, 2000,
    ]);
  });

  it('come within the spread, and after a back-off within the spread of its end', () => {
    fc.assert(
      fc.property(
        fc.string(),
        spreadMs,
        fc.integer({ min: 0, max: 3_600_000 }),
        (identity, spread, backoffMs) => {
          const moments = device(identity, new FakeClock(), spread, spread);
          expect(moments.connectMs(0)).toBeLessThan(spread);
          const waitMs = moments.connectMs(backoffMs);
          expect(waitMs).toBeGreaterThanOrEqual(backoffMs);
          expect(waitMs).toBeLessThan(backoffMs + spread);
        },
      ),
    );
  });

  it('let a device whose attempt failed come back exactly one spread later', async () => {
    const clock = new FakeClock();
    const moments = device('d', clock, 60_000, 60_000);
    await clock.advance(moments.connectMs(0));
    for (const backoffMs of [1_000, 30_000, 300_000]) {
      expect(moments.reconnectMs(backoffMs)).toBe(60_000);
      await clock.advance(60_000);
    }
  });

  it('do not ask a hub that is away more often than every ten seconds', async () => {
    const clock = new FakeClock();
    const moments = device('d', clock, 1_000, 1_000);
    await clock.advance(moments.connectMs(0));
    expect(moments.reconnectMs(300_000)).toBe(10_000);
    expect(moments.reconnectMs(2_000)).toBe(2_000);
  });

  it('renew the token at the same time of each day, though not within an hour of a connect', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 0, max: 86_400_000 }), (identity, connectMs) => {
        const phase = DevicePhase.of(identity);
        const clock = new FakeClock();
        clock.stepWall(connectMs);
        const renewalMs = device(identity, clock, 0, 0).renewalMs();
        expect(renewalMs).toBeGreaterThanOrEqual(3_600_000);
        expect(renewalMs).toBeLessThan(25 * 3_600_000);
        expect(phase.untilMs('token', 86_400_000, clock.wallMs() + renewalMs)).toBe(0);
      }),
    );
  });

  it('read the twin at once on a connection that was made late, at a moment of both spreads', async () => {
    const clock = new FakeClock();
    const moments = device('d', clock, 10_000, 10_000);
    await clock.advance(moments.connectMs(0) + 700);
    expect(moments.firstReadMs()).toBe(0);
    expect(moments.readMs(0)).toBe(9_300);
  });

  it('let one update pass with the answer to a read, also when another read was asked for before the answer', async () => {
    const clock = new FakeClock();
    const moments = device('d', clock, 60_000, 60_000);
    await clock.advance(moments.reportMs(1));
    expect(moments.readMs(0)).toBe(0);
    await clock.advance(50);
    expect(moments.readMs(0)).toBe(59_950);
    await clock.advance(50);
    expect(moments.reportMs(0)).toBe(0);
    expect(moments.reportMs(0)).toBe(119_900);
    await clock.advance(59_950);
    expect(moments.reportMs(0)).toBe(59_950);
  });

  it('let everything be read one twin spread after the hub is back, where one spread divides the other', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.integer({ min: 10_000, max: 600_000 }),
        fc.integer({ min: 1, max: 20 }),
        (identity, connect, times) => {
          const clock = new FakeClock();
          const moments = device(identity, clock, connect, connect * times);
          const connectMs = moments.connectMs(0);
          void clock.advance(0);
          clock.stepWall(connectMs);
          expect(connectMs + moments.firstReadMs()).toBeLessThan(connect * times);
        },
      ),
    );
  });

  it('are not kept by a clock that jumps: what waits, waits no longer than the spread', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e11, max: 1e11 }), (stepMs) => {
        const clock = new FakeClock();
        const moments = device('d', clock, 60_000, 600_000);
        moments.connectMs(0);
        clock.stepWall(stepMs);
        expect(moments.firstReadMs()).toBeLessThan(600_000);
      }),
    );
  });
});
