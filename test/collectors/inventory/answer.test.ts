import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type InventoryAnswer, readInventoryAnswer } from '../../../collectors/inventory/answer.js';
import { longestOutput } from '../../../collectors/inventory/names.js';

const answer: InventoryAnswer = {
  name: 'firewall',
  programs: [
    {
      program: 'nft',
      outcome: 'ended',
      path: '/usr/sbin/nft',
      exitStatus: 1,
      stdout: '',
      error: 'no',
    },
    { program: 'iptables-save', outcome: 'absent', stdout: '', error: '' },
  ],
  facts: {},
};

const [nft] = answer.programs;
const read = (value: unknown) => readInventoryAnswer(JSON.stringify(value), 'firewall');

describe('an answer of the inventory process', () => {
  it('is read as it was written, without members that are not known', () => {
    const more = { ...answer, programs: answer.programs.map((one) => ({ ...one, more: 1 })) };
    expect(read({ ...more, other: 2 })).toEqual(answer);
  });

  it.each([
    ['cut off', '{"name":"firewall","programs":[', /is cut off, or not JSON/],
    ['about something else', JSON.stringify({ ...answer, name: 'sshd' }), /is not about firewall/],
    ['a list', '[]', /is no JSON object/],
    ['without facts', JSON.stringify({ ...answer, facts: undefined }), /has no facts/],
  ])('that is %s is refused with the reason', (_, text, sentence) => {
    expect(() => readInventoryAnswer(text, 'firewall')).toThrow(sentence);
  });

  it.each([
    [{ outcome: 'fine' }, /no known outcome of nft/],
    [{ exitStatus: 256 }, /no exit status of nft/],
    [{ exitStatus: '0' }, /no exit status of nft/],
    [{ path: 7 }, /no path/],
    [{ stdout: 'x'.repeat(longestOutput + 1) }, /no stdout/],
    [{ program: 'n'.repeat(65) }, /no program/],
  ])('with a program of which %o is said is refused', (wrong, sentence) => {
    expect(() => read({ ...answer, programs: [{ ...nft, ...wrong }] })).toThrow(sentence);
  });

  it('cannot move the cursor of whoever reads the complaint of a program', () => {
    const { programs } = read({ ...answer, programs: [{ ...nft, error: '\u001b[2J\n' }] });
    expect(programs[0]?.error).toBe('\\u{1b}[2J\\u{a}');
  });

  it('is refused with a sentence or read, whatever stands in it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (programs, facts) => {
        try {
          const found = read({ name: 'firewall', programs, facts });
          expect(found.programs.every(({ stdout }) => typeof stdout === 'string')).toBe(true);
        } catch (error) {
          expect(String(error)).toMatch(/^Error: (is|has|names) /);
        }
      }),
    );
  });
});
