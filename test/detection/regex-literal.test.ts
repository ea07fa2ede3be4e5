import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { literalsInRegex } from '../../detection/engine/regex-literal.js';
import { fold } from '../../detection/language/fold.js';

const start = String.raw`(?:^|[\s;&|/("=\x27\x60])`;
/** Expressions with the texts of which one is in all that they find. */
const told: readonly (readonly [string, readonly string[] | undefined])[] = [
  ['stratum\\+tcp://', ['stratum+tcp://']],
  [String.raw`${start}(?:rm|shred)\s[^;&|\n]*\.bash_history\b`, ['.bash_history']],
  [String.raw`${start}(?:apt(?:-get)?|dnf)\s+remove`, ['remove']],
  [String.raw`(?:touch|chmod)\s`, ['touch', 'chmod']],
  [String.raw`HIST(?:FILE|SIZE)=0`, ['histfile=0', 'histsize=0']],
  [String.raw`ba?sh\s+-i`, ['bsh', 'bash']],
  [String.raw`(?:nmap|a)\s`, undefined],
  [String.raw`x{0,3}(?:ab)?`, undefined],
  [String.raw`(?:kill){2}\s[0-9]`, ['kill']],
  [String.raw`[]a]bcd[^]x]e`, ['bcd']],
  [String.raw`[[:alpha:]]\x41\.\{`, ['.{']],
  ['größe', ['gr']],
  [String.raw`(?i)KILLall`, ['killall']],
  [String.raw`a(?i)bcd`, undefined],
  [String.raw`\Qabc\E`, undefined],
  ['abc|', undefined],
  ['abc(', undefined],
  ['abc)', undefined],
];

describe('the texts of which one must be there for an expression to be found', () => {
  it('are told of alternatives, repeats and classes, and left alone where none can be told', () => {
    expect(told.map(([source]) => [source, literalsInRegex(source)])).toEqual(told);
  });

  it('are in every text that is found', () => {
    // What makes the texts knows no ends of words, which stand for no text.
    const readable = told
      .map(([source]) => source.replaceAll(String.raw`\b`, ''))
      .filter((source) => !/\(\?i|\\Q|\[:|\($|\)$|\[\]/.test(source));
    const found = fc
      .constantFrom(...readable)
      .chain((source) => fc.tuple(fc.constant(source), fc.stringMatching(new RegExp(source))));
    fc.assert(
      fc.property(found, fc.string(), fc.string(), ([source, text], before, after) => {
        const whole = fold(source.includes('^') ? text : before + text + after);
        const literals = literalsInRegex(source);
        expect(literals?.some((literal) => whole.includes(literal)) ?? true).toBe(true);
      }),
    );
  });

  it('no text makes it throw, or not end', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from('ab([{|?*+\\])}^$.,:i0')) }),
        (source) => {
          literalsInRegex(source);
        },
      ),
    );
  });
});
