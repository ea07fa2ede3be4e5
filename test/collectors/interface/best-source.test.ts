import { describe, expect, it, vi } from 'vitest';
import { BestSource } from '../../../collectors/interface/best-source.js';
import type { Source, Told } from '../../../collectors/interface/source.js';
import type { SourceState } from '../../../collectors/kernel/source-state.js';
import { fakeHost } from '../../support/case-host.js';
import { FakeClock } from '../../support/fake-clock.js';

/** A source of words that can be had while `works`, and says a last one at its end. */
class Scripted implements Source<string> {
  told: Told<string> | undefined;
  ended = 0;

  constructor(
    readonly name: string,
    public works: boolean,
  ) {}

  open: Source<string>['open'] = (_host, told) => {
    if (!this.works) return Promise.resolve({ unavailable: `No ${this.name}.` });
    this.told = told;
    told.onFacts(`${this.name} opens`);
    return Promise.resolve({
      end: () => {
        this.ended++;
        told.onFacts(`${this.name} ends`);
        return Promise.resolve();
      },
    });
  };
}

function watch(sources: readonly Scripted[], setting = 'auto') {
  const clock = new FakeClock();
  const facts: string[] = [];
  const states: SourceState[] = [];
  const fail = vi.fn();
  const best = new BestSource<string>({
    host: fakeHost({ clock }),
    clock,
    sources,
    setting,
    onFacts: (fact) => facts.push(fact),
    lose: () => undefined,
    setSource: (state) => states.push(state),
    fail,
  });
  return { best, clock, facts, states, fail };
}

describe('the best of several sources', () => {
  it('is the first of the list that works, told with why no better one does', async () => {
    const sources = ['one', 'two', 'three'].map((name) => new Scripted(name, name !== 'one'));
    const { best, states } = watch(sources);
    expect(await best.start()).toBeUndefined();
    expect(states).toEqual([{ source: 'two', limitation: 'No one.' }]);
    expect(sources[2]?.told).toBeUndefined();
  });

  it('is the one that the setting names, whatever else works', async () => {
    const sources = ['one', 'two'].map((name) => new Scripted(name, name === 'one'));
    const { best } = watch(sources, 'two');
    expect(await best.start()).toEqual({ unavailable: 'No two.' });
    expect(sources[0]?.told).toBeUndefined();
  });

  it('tells what it saw before it was armed and while it ended, and nothing after that', async () => {
    const one = new Scripted('one', true);
    const { best, facts } = watch([one]);
    await best.start();
    one.told?.onFacts('one runs');
    await best.stop();
    one.told?.onFacts('too late');
    expect(facts).toEqual(['one opens', 'one runs', 'one ends']);
  });

  it('is left for a better one once that is armed', async () => {
    const [one, two] = [new Scripted('one', false), new Scripted('two', true)];
    const { best, clock, facts, states } = watch([one, two]);
    await best.start();
    one.works = true;
    await clock.advance(5 * 60_000);
    expect(facts).toEqual(['two opens', 'one opens', 'two ends']);
    expect(states.at(-1)).toEqual({ source: 'one' });
  });

  it('fails when it ends and no other works, and is ended itself', async () => {
    const one = new Scripted('one', true);
    const { best, clock, fail } = watch([one]);
    await best.start();
    one.works = false;
    one.told?.onFailed(new Error('It broke.'));
    await clock.advance(0);
    expect(one.ended).toBe(1);
    expect(fail).toHaveBeenCalledWith(new Error('It broke. No one.'));
  });
});
