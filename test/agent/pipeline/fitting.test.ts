import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutText, cutUtf8, fitPayload, jsonSizeBytes } from '../../../agent/pipeline/fitting.js';
import { anyCharacter } from '../../support/texts.js';

describe('cutting at a character boundary', () => {
  it('never exceeds the limit, never splits a character, keeps a start of the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), (text, limit) => {
        const cut = cutUtf8(text, limit);
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(limit);
        // A text may hold the mark itself.
        expect(cut.replaceAll('\ufffd', '')).toBe(
          text.slice(0, cut.length).replaceAll('\ufffd', ''),
        );
        expect(text.startsWith(cut)).toBe(true);
        expect(limit - Buffer.byteLength(cut)).toBeLessThan(
          Buffer.byteLength(text) <= limit ? limit + 1 : 4,
        );
      }),
    );
  });

  it('tells the length and the SHA-256 of the whole text', () => {
    const text = 'ä'.repeat(10_000);
    const { text: cut, whole } = cutText(text, 8191);
    expect(Buffer.byteLength(cut)).toBe(8190);
    expect(whole).toEqual({
      sizeBytes: 20_000,
      sha256: createHash('sha256').update(text).digest('hex'),
    });
    expect(cutText('short', 8192)).toEqual({ text: 'short' });
  });
});

describe('fitting a payload', () => {
  it('makes any payload of long texts fit by cutting the longest ones, and keeps every field', () => {
    const text = fc.string({ unit: anyCharacter, maxLength: 3000 });
    fc.assert(
      fc.property(text, text, text, (Executable, CommandLine, Directory) => {
        const payload = { Executable, CommandLine, ProcessId: 1, ExtraDetails: { Directory } };
        const before = jsonSizeBytes(payload);
        const { fits, cut } = fitPayload(payload, 1500);
        expect(fits).toBe(true);
        expect(jsonSizeBytes(payload)).toBeLessThanOrEqual(1500);
        expect(cut).toBe(before > 1500);
        expect(Object.keys(payload)).toEqual([
          'Executable',
          'CommandLine',
          'ProcessId',
          'ExtraDetails',
        ]);
      }),
    );
  });
});
