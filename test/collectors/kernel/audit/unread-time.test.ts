import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAuditPlace, UnreadTime } from '../../../../collectors/kernel/audit/unread-time.js';

const place = (changes: object = {}) => ({
  bootId: 'a',
  serial: 100,
  timeMs: 1_000_000,
  rulesGone: false,
  ...changes,
});
const unread = (last: ReturnType<typeof place> | undefined) =>
  new UnreadTime(last, 'a', () => 7_100);

describe('the time without a reader', () => {
  it('is not counted on the first run of all', () => {
    expect(unread(undefined).see(5, 1_000)).toBe(0);
  });

  it('is the time from the last record of the run before to the first one of this run, once', () => {
    const time = unread(place());
    expect(time.see(150, 1_004_200)).toBe(5);
    expect(time.see(160, 1_009_000)).toBe(0);
  });

  it('is nothing when the serials go on without a gap, as from a socket that was kept open', () => {
    expect(unread(place()).see(101, 1_060_000)).toBe(0);
    expect(unread(place()).see(90, 1_060_000)).toBe(0);
  });

  it('counts also without a gap when the rules were taken back in between', () => {
    expect(unread(place({ rulesGone: true })).see(101, 1_060_000)).toBe(60);
  });

  it('is the time since the boot after a restart of the device', () => {
    expect(unread(place({ bootId: 'b' })).see(3, 5)).toBe(8);
  });

  it('is at least a second when the wall clock was set back', () => {
    expect(unread(place()).see(150, 5)).toBe(1);
  });

  it('is known to the next run, also when this one read nothing', () => {
    const quiet = unread(place());
    expect(quiet.place).toEqual(place());
    const time = unread(undefined);
    time.see(7, 10);
    time.see(6, 11);
    time.rulesGone();
    expect(time.place).toEqual({ bootId: 'a', serial: 7, timeMs: 10, rulesGone: true });
  });

  it('takes nothing for a stored place that is not one', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const parsed = parseAuditPlace(value);
        return parsed === undefined || Number.isSafeInteger(parsed.serial);
      }),
    );
    expect(parseAuditPlace(place())).toEqual(place());
    expect(parseAuditPlace({ ...place(), serial: '100' })).toBeUndefined();
  });
});
