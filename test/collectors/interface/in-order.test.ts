import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { InOrder } from '../../../collectors/interface/in-order.js';
import { FakeClock, settle } from '../../support/fake-clock.js';

function setUp(mostWaiting = 100) {
  const clock = new FakeClock();
  const out: string[] = [];
  const order = new InOrder<string>({
    clock,
    emit: (item) => out.push(item),
    deadlineMs: 500,
    mostWaiting,
    mostWaitingCharacters: 1000,
  });
  const push = (name: string, hash: Promise<string>, characters = 0): void => {
    const told = order.push((found) => `${name}:${found}`, characters);
    hash.then(told, () => told(''));
  };
  return { clock, out, order, push };
}
function deferred() {
  let resolve: (hash: string) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<string>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

const never = new Promise<string>(() => undefined);

describe('events wait for their hash in order', () => {
  it('lets out what came first first, though its hash comes last', async () => {
    const { out, push } = setUp();
    const first = deferred();
    push('a', first.promise);
    push('b', Promise.resolve('2'));
    await settle();
    expect(out).toEqual([]);
    first.resolve('1');
    await settle();
    expect(out).toEqual(['a:1', 'b:2']);
  });

  it('waits no longer than the deadline, and says that there is no hash', async () => {
    const { clock, out, push } = setUp();
    push('a', never);
    await clock.advance(300);
    push('b', never);
    await clock.advance(199);
    expect(out).toEqual([]);
    await clock.advance(1);
    expect(out).toEqual(['a:']);
    await clock.advance(300);
    expect(out).toEqual(['a:', 'b:']);
    expect(clock.timers).toBe(0);
  });

  it('takes a hash that fails for none', async () => {
    const { out, push } = setUp();
    push('a', Promise.reject(new Error('no')));
    await settle();
    expect(out).toEqual(['a:']);
  });

  it('holds a bounded number: the oldest goes without a hash', () => {
    const { out, push } = setUp(2);
    for (const name of ['a', 'b', 'c', 'd']) push(name, never);
    expect(out).toEqual(['a:', 'b:']);
  });

  it('sets no timer anew for each thing that goes while others wait', async () => {
    const { clock, out, push } = setUp();
    const after = vi.spyOn(clock, 'after');
    for (const name of ['a', 'b', 'c', 'd']) push(name, Promise.resolve('h'));
    push('e', never);
    await settle();
    expect(out).toEqual(['a:h', 'b:h', 'c:h', 'd:h']);
    expect(after).toHaveBeenCalledTimes(1);
    await clock.advance(500);
    expect(out.at(-1)).toBe('e:');
  });

  it('leaves nothing behind when flushed', () => {
    const { clock, out, order, push } = setUp();
    push('a', never);
    push('b', never);
    order.flush();
    expect(out).toEqual(['a:', 'b:']);
    expect(clock.timers).toBe(0);
  });

  it('lets out each once and in order, whatever the hashes do', async () => {
    const fates = fc.array(fc.constantFrom('now', 'later', 'never', 'fails'), { maxLength: 600 });
    await fc.assert(
      fc.asyncProperty(fates, fc.integer({ min: 1, max: 300 }), async (list, mostWaiting) => {
        const { clock, out, push } = setUp(mostWaiting);
        const late: (() => void)[] = [];
        list.forEach((fate, index) => {
          const later = deferred();
          if (fate === 'now') later.resolve('h');
          if (fate === 'fails') later.reject(new Error('no'));
          if (fate === 'later') late.unshift(() => later.resolve('h'));
          push(String(index), later.promise);
        });
        await settle();
        late.forEach((finish) => finish());
        await clock.advance(500);
        expect(out.map((item) => Number(item.split(':')[0]))).toEqual(list.map((_, i) => i));
      }),
      { numRuns: 30 },
    );
  });

  it('long texts do not wait together: the oldest go without their hash', () => {
    const { out, push } = setUp();
    push('a', never, 600);
    push('b', never, 300);
    expect(out).toEqual([]);
    push('c', never, 300);
    expect(out).toEqual(['a:']);
    push('d', never, 5000);
    expect(out).toEqual(['a:', 'b:', 'c:', 'd:']);
  });
});
