import { beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../base/json.js';
import type { Unavailable } from '../../../base/unavailable.js';
import type { RunningCollector } from '../../../collectors/interface/collector.js';
import type { CollectorMemory } from '../../../collectors/interface/memory.js';
import { createStateNews } from '../../../collectors/interface/state-news.js';
import type {
  Subject,
  SubjectWatchContext,
  Who,
} from '../../../collectors/interface/state-subject.js';
import { collectorOf } from '../../../collectors/state-change/index.js';
import type { SourceState } from '../../../collectors/kernel/source-state.js';
import type { Payload } from '../../../contract/events.js';
import { fakeHost } from '../../support/case-host.js';
import { FakeClock } from '../../support/fake-clock.js';

let clock: FakeClock;
let kept: Map<string, JsonObject>;
/** What happened, in order: what was told, and what was remembered. */
let told: Payload<'StateChange'>[];
let order: string[];
let source: SourceState | undefined;
let said: number;

beforeEach(() => {
  clock = new FakeClock();
  kept = new Map();
  told = [];
  order = [];
  source = undefined;
  said = 0;
});

/** A subject whose items a test sets, and of which it counts the looks. */
class Device {
  items: Record<string, string> = {};
  /** What a look comes to instead. */
  trouble: Unavailable | Error | undefined;
  looks = 0;
  looksTakeMs = 0;
  watch: SubjectWatchContext | undefined;
  watchUnavailable: string | undefined;
  /** What the last look was told of the one before. */
  known: ReadonlyMap<string, string> | undefined;
  whos = new Map<string, Who>();
  old = new Set<string>();

  readonly subject: Subject = {
    name: 'User',
    whoOf: (item) => this.whos.get(item),
    isOld: (item) => this.old.has(item),
    look: async ({ known }) => {
      this.looks++;
      if (this.looksTakeMs > 0)
        await new Promise<void>((done) => clock.after(this.looksTakeMs, done));
      this.known = known;
      if (this.trouble instanceof Error) throw this.trouble;
      return this.trouble ?? new Map(Object.entries(this.items));
    },
    watch: (context) => {
      if (this.watchUnavailable !== undefined)
        return Promise.resolve({ unavailable: this.watchUnavailable });
      this.watch = context;
      return Promise.resolve({
        stop: () => {
          this.watch = undefined;
          return Promise.resolve();
        },
      });
    },
  };
}

const memory: CollectorMemory = {
  read: (name) => Promise.resolve(kept.get(name)),
  write: (name, value) => {
    order.push('remembered');
    kept.set(name, value);
  },
};
const stateNews = createStateNews();

async function start(device: Device): Promise<RunningCollector> {
  const starting = collectorOf(() => [device.subject]).start({
    host: fakeHost({
      memory,
      clock,
      stateNews,
      users: { nameOf: (uid) => (uid === 0 ? 'root' : undefined), uidOf: () => undefined },
    }),
    clock,
    lose: () => undefined,
    emit: ({ payload }) => {
      order.push('told');
      told.push(payload);
    },
    setSource: (state) => {
      said++;
      source = state;
    },
    fail: (error) => {
      throw error;
    },
  });
  await clock.advance(0);
  const running = await starting;
  if ('unavailable' in running) throw new Error(running.unavailable);
  return running;
}

describe('StateChange', () => {
  it('tells nothing at the first look ever, then each change with before and after, and remembers it after that', async () => {
    const device = new Device();
    device.items = { anna: 'uid 1', bert: 'uid 2' };
    await start(device);
    expect(told).toEqual([]);
    device.items = { anna: 'uid 0', carl: 'uid 3' };
    device.watch?.changed();
    await clock.advance(1_000);
    await clock.advance(5_000);
    expect(told).toEqual([
      { Subject: 'User', Item: 'anna', Change: 'Changed', Before: 'uid 1', After: 'uid 0' },
      { Subject: 'User', Item: 'bert', Change: 'Removed', Before: 'uid 2' },
      { Subject: 'User', Item: 'carl', Change: 'Added', After: 'uid 3' },
    ]);
    expect(order).toEqual(['remembered', 'told', 'told', 'told', 'remembered']);
  });

  it('looks once for a storm of changes, and not again for 5 s, and not at all while nothing changes', async () => {
    const device = new Device();
    await start(device);
    expect([device.looks, clock.timers]).toEqual([1, 0]);
    for (let storm = 0; storm < 100; storm++) {
      device.watch?.changed();
      await clock.advance(100);
    }
    expect(device.looks).toBeLessThanOrEqual(3);
    await clock.advance(3_600_000);
    expect(device.looks).toBeLessThanOrEqual(4);
    expect(clock.timers).toBe(0);
  });

  it('looks more seldom where a look takes long, and still within half a minute', async () => {
    const device = new Device();
    await start(device);
    device.looksTakeMs = 3_000;
    for (let storm = 0; storm < 600; storm++) {
      device.watch?.changed();
      await clock.advance(100);
    }
    expect(device.looks).toBeGreaterThanOrEqual(4);
    expect(device.looks).toBeLessThanOrEqual(6);
    device.looksTakeMs = 30_000;
    await clock.advance(60_000);
    const before = device.looks;
    device.watch?.changed();
    await clock.advance(25_000);
    expect(device.looks).toBe(before + 1);
  });

  it('tells at the start what changed while the agent did not run, and since when', async () => {
    const device = new Device();
    device.items = { anna: 'uid 1' };
    const running = await start(device);
    await clock.advance(60_000);
    const stopped = new Date(clock.wallMs()).toISOString();
    await running.stop();
    await clock.advance(60_000);
    device.items = { anna: 'uid 1', evil: 'uid 0' };
    await start(device);
    expect(told).toEqual([
      {
        Subject: 'User',
        Item: 'evil',
        Change: 'Added',
        After: 'uid 0',
        ExtraDetails: { WhileDown: 'true', NotBeforeUtc: stopped },
      },
    ]);
    device.items = {};
    device.watch?.changed();
    await clock.advance(5_000);
    expect(told.slice(1).map(({ Item, ExtraDetails }) => [Item, ExtraDetails])).toEqual([
      ['anna', undefined],
      ['evil', undefined],
    ]);
  });

  it.each([
    ['unavailable', { unavailable: 'it may not be read.' }],
    ['throws', new Error('it may not be read.')],
  ])('never takes what it could not see for removed: %s', async (_how, outcome) => {
    const device = new Device();
    device.items = { anna: 'uid 1' };
    await start(device);
    device.items = {};
    device.trouble = outcome;
    device.watch?.changed();
    await clock.advance(5_000);
    expect(told).toEqual([]);
    expect(source?.limitation).toBe('User is not known: it may not be read.');
    device.trouble = undefined;
    device.items = { anna: 'uid 1', bert: 'uid 2' };
    await clock.advance(60_000);
    expect(told.map(({ Item, Change }) => [Item, Change])).toEqual([['bert', 'Added']]);
    expect(source?.limitation).toBeUndefined();
  });

  it('looks each minute where changes are not told, says so, and watches as soon as it can', async () => {
    const device = new Device();
    device.watchUnavailable = 'the kernel tells nothing.';
    await start(device);
    expect(source?.limitation).toBe('User is looked at each 60 s only: the kernel tells nothing.');
    expect(said).toBe(1);
    device.items = { anna: 'uid 1' };
    await clock.advance(60_000);
    expect(told).toHaveLength(1);
    device.watchUnavailable = undefined;
    await clock.advance(60_000);
    expect(source?.limitation).toBeUndefined();
    expect(clock.timers).toBe(0);
    device.watch?.fail(new Error('it broke.'));
    await clock.advance(1_000);
    expect(device.watch).toBeDefined();
  });

  it('says who did it where one is known, and nobody where several may have', async () => {
    const device = new Device();
    await start(device);
    const who = { pid: 7, executable: '/usr/sbin/useradd', userId: '0' };
    device.items = { anna: 'uid 1' };
    device.watch?.changed(who);
    device.watch?.changed(who);
    await clock.advance(5_000);
    device.items = {};
    device.watch?.changed(who);
    device.watch?.changed({ ...who, pid: 8 });
    await clock.advance(5_000);
    expect(told.map(({ ExtraDetails }) => ExtraDetails)).toEqual([
      { ProcessId: '7', Executable: '/usr/sbin/useradd', UserId: '0', UserName: 'root' },
      undefined,
    ]);
  });

  it('says of each item who did it where the subject knows', async () => {
    const device = new Device();
    await start(device);
    device.items = { anna: 'uid 1', bert: 'uid 2' };
    device.whos.set('bert', { pid: 9, userId: '1000' });
    device.watch?.changed({ pid: 7 });
    await clock.advance(5_000);
    expect(told.map(({ ExtraDetails }) => ExtraDetails)).toEqual([
      { ProcessId: '7' },
      { ProcessId: '9', UserId: '1000' },
    ]);
  });

  it('remembers what was there before the first look ever, and does not tell it', async () => {
    const device = new Device();
    device.items = { anna: 'uid 1' };
    await start(device);
    device.items = { anna: 'uid 1', old: 'uid 2', young: 'uid 3' };
    device.old.add('old');
    device.watch?.changed();
    await clock.advance(5_000);
    expect(told.map(({ Item }) => Item)).toEqual(['young']);
    device.items = { anna: 'uid 1', young: 'uid 3' };
    device.watch?.changed();
    await clock.advance(5_000);
    expect(told.slice(1)).toMatchObject([{ Item: 'old', Change: 'Removed', Before: 'uid 2' }]);
    expect([...(device.known ?? [])]).toEqual([
      ['anna', 'uid 1'],
      ['old', 'uid 2'],
      ['young', 'uid 3'],
    ]);
  });

  it('says what is not noticed at once although it watches, until it breaks', async () => {
    const device = new Device();
    await start(device);
    device.watch?.limit('Only half is noticed.');
    expect(source?.limitation).toBe('Only half is noticed.');
    device.watch?.limit(undefined);
    expect(source?.limitation).toBeUndefined();
  });

  it('folds a flood into the first ones and a number, and tells the snapshots once', async () => {
    const device = new Device();
    await start(device);
    let news = 0;
    const end = stateNews.subscribe(['User'], () => news++);
    const other = stateNews.subscribe(['Unit'], () => (news += 100));
    device.items = Object.fromEntries(
      Array.from({ length: 120 }, (_, index) => [`user${1000 + index}`, 'x']),
    );
    device.watch?.changed();
    await clock.advance(5_000);
    end();
    other();
    expect(told).toHaveLength(50);
    expect(told.at(-1)).toMatchObject({ Item: 'user1049', ExtraDetails: { More: '70' } });
    expect(news).toBe(1);
  });

  it('compares no more than it can hold, and says so', async () => {
    const device = new Device();
    device.items = { anna: 'x'.repeat(300_001) };
    await start(device);
    expect(source?.limitation).toMatch(/^User is not known: there are 1 of 300005 characters/);
    expect(kept.size).toBe(0);
  });

  it('stops at once, and tells nothing of a look that ends later', async () => {
    const device = new Device();
    const running = await start(device);
    device.items = { anna: 'uid 1' };
    device.watch?.changed();
    await running.stop();
    await clock.advance(10_000);
    expect(told).toEqual([]);
    expect([device.watch, clock.timers]).toEqual([undefined, 0]);
  });
});
