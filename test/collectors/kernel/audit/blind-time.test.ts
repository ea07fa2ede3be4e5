import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlindTime } from '../../../../collectors/kernel/audit/blind-time.js';

const deleted = { found: ['rules'], repaired: true, reason: '' } as const;

function blindTime() {
  const counts = { seconds: 0, sentences: [] as string[] };
  const subject = new BlindTime(
    (_cause, count) => (counts.seconds += count),
    (sentence) => counts.sentences.push(sentence),
  );
  subject.good(0);
  return { subject, counts };
}

describe('the time in which others keep the agent blind', () => {
  it('is a second at least, and begins with the change', () => {
    const { subject, counts } = blindTime();
    subject.suspect(5000);
    subject.inspected(deleted, 5250);
    expect(counts.seconds).toBe(1);
    expect(counts.sentences[0]).toContain('after at most 1 s');
  });

  it('begins with the last look that found everything well, where the change was not told', () => {
    const { subject, counts } = blindTime();
    subject.good(30_000);
    subject.inspected(deleted, 59_500);
    expect(counts.seconds).toBe(30);
  });

  it('counts changes that are apart one by one', () => {
    const { subject, counts } = blindTime();
    for (let atMs = 10_000; atMs < 60_000; atMs += 10_000) {
      subject.suspect(atMs);
      subject.inspected(deleted, atMs + 300);
    }
    expect(counts.seconds).toBe(5);
  });

  it('counts every second once while it lasts, and the rest when it is over', () => {
    const { subject, counts } = blindTime();
    subject.suspect(1000);
    const stays = { ...deleted, repaired: false, reason: 'no right' };
    for (const nowMs of [1300, 31_300, 61_300]) subject.inspected(stays, nowMs);
    expect(counts.seconds).toBe(60);
    subject.inspected(deleted, 61_800);
    expect(counts.seconds).toBe(61);
  });

  it('is over when somebody else has set right what the agent could not', () => {
    const { subject, counts } = blindTime();
    subject.suspect(1000);
    subject.inspected({ ...deleted, repaired: false }, 2500);
    subject.inspected({ found: [], repaired: true, reason: '' }, 4000);
    subject.inspected({ found: [], repaired: true, reason: '' }, 34_000);
    expect(counts.seconds).toBe(3);
  });

  it('is never more than the time that passed, however often the rules are deleted', () => {
    const steps = fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 1, max: 700 })), {
      minLength: 1,
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, (pairs) => {
        const { subject, counts } = blindTime();
        let nowMs = 1000;
        let blindMs = 0;
        for (const [pauseMs, repairMs] of pairs) {
          nowMs += pauseMs;
          subject.suspect(nowMs);
          nowMs += repairMs;
          blindMs += repairMs;
          subject.inspected(deleted, nowMs);
        }
        expect(counts.seconds).toBeLessThanOrEqual(Math.max(1, Math.ceil(blindMs / 1000)));
        expect(counts.seconds).toBeGreaterThanOrEqual(Math.max(1, Math.floor(blindMs / 1000)));
      }),
    );
  });

  it('is ten seconds at most where the rules are deleted every 100 ms for ten seconds', () => {
    const { subject, counts } = blindTime();
    for (let nowMs = 0; nowMs < 10_000; nowMs += 300) {
      subject.suspect(nowMs);
      subject.inspected(deleted, nowMs + 290);
    }
    expect(counts.seconds).toBeLessThanOrEqual(10);
    expect(counts.seconds).toBeGreaterThanOrEqual(9);
    expect(counts.sentences).toHaveLength(1);
  });
});
