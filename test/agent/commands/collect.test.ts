import { describe, expect, it } from 'vitest';
import { collectOnce } from '../../../agent/commands/collect.js';
import { systemClock } from '../../../base/clock.js';
import { createHost } from '../../../collectors/host.js';
import type { Collector } from '../../../collectors/interface/collector.js';
import { standardLocalSettings } from '../../../config/parse-local-settings.js';

const host = createHost({
  clock: systemClock,
  settings: standardLocalSettings(),
  onTampering: () => undefined,
  onProblem: () => undefined,
});

const collect = async (collector: Collector, interrupted = new AbortController().signal) => {
  const said: string[] = [];
  const answered = await collectOnce({
    collector,
    host,
    watchMs: 0,
    interrupted,
    print: () => undefined,
    say: (name, sentence) => said.push(`${name}: ${sentence}`),
  });
  return { answered, said };
};

const snapshot = (fail: () => never): Collector => ({
  kind: 'snapshot',
  name: 'ListeningPorts',
  collect: () => Promise.resolve().then(fail),
});

const full = (): never => {
  throw Object.assign(new Error('EMFILE: too many open files, open'), { code: 'EMFILE' });
};

describe('collect', () => {
  it('says in a sentence that a collector failed, so that the others are still told', async () => {
    const expected = 'it could not be collected: too many open files (EMFILE).';
    expect(await collect(snapshot(full))).toEqual({
      answered: false,
      said: [`ListeningPorts: ${expected}`],
    });
    expect(await collect({ kind: 'triggered', name: 'Login', start: full })).toEqual({
      answered: false,
      said: [`Login: ${expected}`],
    });
  });

  it('takes what fails because it was interrupted for no failure', async () => {
    expect(await collect(snapshot(full), AbortSignal.abort())).toEqual({
      answered: true,
      said: [],
    });
  });
});
