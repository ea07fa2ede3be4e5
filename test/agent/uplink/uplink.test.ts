import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { QueueName } from '../../../agent/spool/spool.js';
import { Uplink, type UplinkOptions } from '../../../agent/uplink/uplink.js';
import { evaluateTwin } from '../../../config/evaluate-twin.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { MemorySpool } from '../../support/memory-spool.js';
import { unspread } from '../../support/moments.js';
import { recordingLog } from '../../support/recording-log.js';
import { idsOf, ScriptedLink } from '../../support/scripted-link.js';

const minuteMs = 60_000;
const defaults = evaluateTwin({}, undefined).settings;
const duration = (ms: number) => ({ text: `PT${ms / 1000}S`, ms });

let directory: string;
let clock: FakeClock;
let spool: MemorySpool;
let link: ScriptedLink;
let log: ReturnType<typeof recordingLog>;
let lost: number;
let remembered: string[];
let midnight: () => void;
let settings: UplinkOptions['settings']['current'];
let settingsChanged: () => void;
let uplink: Uplink;
const counters = { high: 0, low: 0, operational: 0 };

const create = (
  local: Partial<UplinkOptions['local']> = {},
  onLowDelayed: () => void = () => undefined,
): Uplink =>
  new Uplink({
    spool,
    link,
    settings: {
      get current() {
        return settings;
      },
      onChange: (listener) => {
        settingsChanged = () => listener(defaults, defaults);
        return () => undefined;
      },
    },
    local: {
      messagesInFlight: 1,
      maxUnitsPerDay: 0,
      securityMarker: true,
      stateDirectory: directory,
      ...local,
    },
    clock,
    random: () => 0,
    moments: unspread,
    log,
    corrected: (event) => event,
    history: {
      keep: (events, fate) => {
        const heads = spool.stats();
        for (const json of events) {
          const { Id } = JSON.parse(json) as { Id: string };
          const waits = heads[Id.split('-')[0] as QueueName].events > 0;
          remembered.push(`${fate} ${Id} ${waits ? 'before' : 'after'} it is forgotten`);
        }
        return Promise.resolve();
      },
    },
    lose: (cause, count) => {
      expect(cause).toBe('invalidEvent');
      lost += count;
    },
    onLowDelayed,
    agentVersion: '0.1.0',
    agentId: '5f8d9e0c-3c1b-4a6e-9f27-0d2b6c1a7e43',
    atMidnight: (action) => {
      midnight = action;
      return () => undefined;
    },
  });

const store = (queue: QueueName, sizeBytes = 100): string => {
  const id = `${queue}-${++counters[queue]}`;
  spool.append(queue, JSON.stringify({ Id: id, filler: 'x'.repeat(Math.max(0, sizeBytes - 40)) }));
  return id;
};
const sent = (): string[][] => link.messages.map(idsOf);
const start = async (local?: Partial<UplinkOptions['local']>): Promise<void> => {
  uplink = create(local);
  await uplink.start();
  link.connect();
  await settle();
};

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'uplink-'));
  clock = new FakeClock();
  spool = new MemorySpool(clock);
  link = new ScriptedLink();
  log = recordingLog();
  lost = 0;
  remembered = [];
  settings = {
    highPriorityMessageFrequency: duration(7 * minuteMs),
    lowPriorityMessageFrequency: duration(300 * minuteMs),
    maxMessageSizeInBytes: 8192,
    hubResourceId: '',
  };
  Object.assign(counters, { high: 0, low: 0, operational: 0 });
});

afterEach(async () => {
  await uplink.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe('the triggers', () => {
  it('High goes at its interval, with operational events and low ones that fill the unit', async () => {
    await start();
    store('low');
    store('operational');
    store('high');
    await clock.advance(7 * minuteMs - 1);
    expect(sent()).toEqual([]);
    await clock.advance(1);
    expect(sent()).toEqual([['operational-1', 'high-1', 'low-1']]);
    expect(link.messages[0]?.priority).toBe('High');
    expect(spool.stats()).toMatchObject({ high: { events: 0 }, low: { events: 0 } });
  });

  it('an empty High queue sends nothing, Low sends operational events even alone', async () => {
    await start();
    store('operational');
    await clock.advance(299 * minuteMs);
    expect(sent()).toEqual([]);
    await clock.advance(minuteMs);
    expect(sent()).toEqual([['operational-1']]);
    expect(link.messages[0]?.priority).toBe('Low');
  });

  it('each sends everything of its kind, in as many messages as it takes', async () => {
    await start();
    link.connected = false;
    for (let count = 0; count < 20; count++) store('high', 2000);
    link.connect();
    await clock.advance(7 * minuteMs);
    expect(sent().flat()).toEqual(Array.from({ length: 20 }, (_, index) => `high-${index + 1}`));
    expect(sent().length).toBeGreaterThan(5);
  });

  it('more than one message full goes at once, from both queues, and starts the High interval anew', async () => {
    await start();
    await clock.advance(5 * minuteMs);
    for (let count = 0; count < 5; count++) store('low', 2000);
    await settle();
    expect(sent()).toEqual([['low-1', 'low-2', 'low-3']]);
    expect(link.messages[0]?.priority).toBe('High');
    store('high');
    await clock.advance(7 * minuteMs - 1);
    expect(sent()).toHaveLength(1);
    await clock.advance(1);
    expect(sent()[1]?.[0]).toBe('high-1');
  });

  it('an alert goes at once, past the interval, and with all that waits of High, six times in a minute', async () => {
    await start();
    store('high');
    for (let count = 0; count < 9; count++) {
      store('high');
      uplink.alertWaits('High');
      await clock.advance(5_000);
    }
    expect(sent()[0]).toEqual(['high-1', 'high-2']);
    expect(sent()).toHaveLength(6);
    await clock.advance(15_000);
    store('high');
    uplink.alertWaits('High');
    await settle();
    expect(sent()[6]).toEqual(['high-8', 'high-9', 'high-10', 'high-11']);
    await clock.advance(8 * minuteMs);
    expect(sent()).toHaveLength(7);
  });

  it('alerts that are less grave leave room for those that are more so, and everyday ones most of it', async () => {
    await start();
    const severities = [
      'Low',
      'Low',
      'Medium',
      'Medium',
      'Medium',
      'Medium',
      'Low',
      'High',
    ] as const;
    for (const severity of severities) {
      store('high');
      uplink.alertWaits(severity);
      await clock.advance(1_000);
    }
    expect(sent()).toEqual([
      ['high-1'],
      ['high-2', 'high-3'],
      ['high-4'],
      ['high-5'],
      ['high-6', 'high-7', 'high-8'],
    ]);
  });

  it('an alert that comes while a message is made of what waits is not left for the interval', async () => {
    await start();
    store('high');
    uplink.alertWaits('High');
    const read = spool.read.bind(spool);
    spool.read = async (...args) => {
      const found = await read(...args);
      // The last look, for what is left.
      if (args[3] !== 1) return found;
      spool.read = read;
      store('high');
      uplink.alertWaits('High');
      return found;
    };
    await settle();
    expect(sent().flat()).toEqual(['high-1', 'high-2']);
  });

  it('what became due without a connection goes when there is one', async () => {
    uplink = create();
    await uplink.start();
    store('high');
    await clock.advance(7 * minuteMs);
    expect(sent()).toEqual([]);
    link.connect();
    await settle();
    expect(sent()).toEqual([['high-1']]);
  });

  it('High and Low that are due together go in one message, and Low alone is no High message', async () => {
    uplink = create();
    await uplink.start();
    store('low', 3000);
    store('low', 3000);
    store('high');
    await clock.advance(300 * minuteMs);
    link.connect();
    await settle();
    expect(sent()).toEqual([['high-1', 'low-1', 'low-2']]);
    store('low');
    await clock.advance(300 * minuteMs);
    expect(sent()[1]).toEqual(['low-3']);
    expect(link.messages[1]?.priority).toBe('Low');
  });

  it('an interval that is changed counts from where the old one began', async () => {
    await start();
    store('high');
    await clock.advance(2 * minuteMs);
    settings = { ...settings, highPriorityMessageFrequency: duration(3 * minuteMs) };
    settingsChanged();
    await clock.advance(minuteMs - 1);
    expect(sent()).toEqual([]);
    await clock.advance(1);
    expect(sent()).toEqual([['high-1']]);
    store('high');
    settings = { ...settings, highPriorityMessageFrequency: duration(1000) };
    settingsChanged();
    await clock.advance(1000);
    expect(sent()).toHaveLength(2);
  });

  it('a step of the wall clock neither sends nor delays', async () => {
    await start();
    store('high');
    clock.stepWall(365 * 24 * 60 * minuteMs);
    await clock.advance(7 * minuteMs - 1);
    expect(sent()).toEqual([]);
    clock.stepWall(-2 * 365 * 24 * 60 * minuteMs);
    await clock.advance(1);
    expect(sent()).toEqual([['high-1']]);
  });

  it('what waited before a restart has waited, so that daily reboots do not starve Low', async () => {
    store('low');
    await clock.advance(200 * minuteMs);
    await start();
    await clock.advance(100 * minuteMs - 1);
    expect(sent()).toEqual([]);
    await clock.advance(1);
    expect(sent()).toEqual([['low-1']]);
  });

  it('where the clock was not set at the start, the age counts from the connection on', async () => {
    const setBy = clock.wallMs();
    store('low');
    clock.stepWall(-setBy);
    uplink = create();
    await uplink.start();
    clock.stepWall(setBy + 301 * minuteMs);
    link.connect();
    await settle();
    expect(sent()).toEqual([['low-1']]);
  });
});

describe('acknowledgements', () => {
  beforeEach(() => {
    link.automatic = false;
  });

  it('nothing is forgotten before its own, and a failed message goes again as it was', async () => {
    await start();
    store('high');
    await clock.advance(7 * minuteMs);
    expect(spool.stats().high.events).toBe(1);
    link.open.pop()?.fail();
    await clock.advance(999);
    expect(link.messages).toHaveLength(1);
    await clock.advance(1);
    expect(link.messages[1]).toEqual(link.messages[0]);
    expect(remembered).toEqual([]);
    link.open.pop()?.acknowledge();
    await settle();
    expect(spool.stats().high.events).toBe(0);
    // A crash in between then finds it twice, and not nowhere.
    expect(remembered).toEqual(['sent high-1 before it is forgotten']);
    expect(uplink.sent()).toEqual({
      messagesSent: 1,
      messagesUnder4KB: 1,
      totalFailed: 1,
    });
  });

  it('up to four are in flight, and a later one is not forgotten before an earlier one', async () => {
    await start({ messagesInFlight: 4 });
    for (let count = 0; count < 20; count++) store('high', 4000);
    await settle();
    expect(link.open).toHaveLength(4);
    link.open[1]?.acknowledge();
    await settle();
    expect(spool.stats().high.events).toBe(20);
    link.open[0]?.acknowledge();
    await settle();
    expect(spool.stats().high.events).toBe(20 - sent().slice(0, 2).flat().length);
  });

  it('after a failure everything behind it goes again, in order', async () => {
    await start({ messagesInFlight: 3 });
    for (let count = 0; count < 6; count++) store('high', 7000);
    await settle();
    expect(sent()).toEqual([['high-1'], ['high-2'], ['high-3']]);
    const [first, second, third] = link.open.splice(0);
    first?.acknowledge();
    second?.fail();
    await settle();
    third?.acknowledge();
    await clock.advance(1000);
    expect(sent().slice(3, 6)).toEqual([['high-2'], ['high-3'], ['high-4']]);
  });

  it('an event that fits no message is dropped and counted, and blocks nothing', async () => {
    link.automatic = true;
    await start();
    store('high', 300_000);
    store('high');
    await clock.advance(7 * minuteMs);
    expect(sent()).toEqual([['high-2']]);
    expect(lost).toBe(1);
    expect(remembered).toEqual([
      'neverSent high-1 before it is forgotten',
      'sent high-2 before it is forgotten',
    ]);
    store('low', 300_000);
    await clock.advance(300 * minuteMs);
    expect(lost).toBe(2);
    expect(spool.stats().low.events).toBe(0);
  });

  it('that never come make messages smaller for an hour, down to a metered unit, and lose nothing', async () => {
    settings = { ...settings, maxMessageSizeInBytes: 65_536 };
    // A gateway that ends the connection over messages of more than 10,000 bytes.
    link.automatic = true;
    link.refusesOver = 10_000;
    await start();
    const stored = Array.from({ length: 30 }, () => store('high', 3000));
    for (let round = 0; round < 12; round++) {
      link.connect();
      await clock.advance(7 * minuteMs);
    }
    expect(link.arrived.flatMap(idsOf)).toEqual(stored);
    expect(lost).toBe(0);
    const warnings = log.lines.filter(({ level }) => level === 'warn');
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringMatching(/not acknowledged 3 times in a row.*maxMessageSizeInBytes/),
      expect.anything(),
      expect.anything(),
    ]);

    link.refusesOver = undefined;
    await clock.advance(60 * minuteMs);
    for (let count = 0; count < 10; count++) store('high', 3000);
    await clock.advance(7 * minuteMs);
    expect(link.arrived.at(-1)?.body.length).toBeGreaterThan(29_000);
  });

  it('whatever happens to messages, all events arrive, first arrivals in order', async () => {
    type Step =
      | readonly ['store', QueueName, number]
      | readonly ['ack' | 'unacknowledged' | 'cut' | 'connect' | 'wait'];
    const step: fc.Arbitrary<Step> = fc.oneof(
      fc.tuple(
        fc.constant('store' as const),
        fc.constantFrom<QueueName>('high', 'low', 'operational'),
        fc.integer({ min: 50, max: 5000 }),
      ),
      fc.tuple(
        fc.constantFrom(
          'ack' as const,
          'ack' as const,
          'unacknowledged' as const,
          'cut' as const,
          'connect' as const,
          'wait' as const,
        ),
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 40 }),
        fc.integer({ min: 1, max: 4 }),
        async (steps, inFlight) => {
          clock = new FakeClock();
          spool = new MemorySpool(clock);
          link = new ScriptedLink();
          link.automatic = false;
          Object.assign(counters, { high: 0, low: 0, operational: 0 });
          await start({ messagesInFlight: inFlight });
          const arrived: string[] = [];
          const acknowledge = (): void => {
            const sending = link.open.shift();
            if (sending === undefined) return;
            arrived.push(...idsOf(sending.message));
            sending.acknowledge();
          };
          const stored: string[] = [];
          for (const [what, queue, size] of steps) {
            if (what === 'store') stored.push(store(queue, size));
            else if (what === 'ack') acknowledge();
            else if (what === 'unacknowledged') {
              // The message arrived; that its acknowledgement did not ends the connection, as the link has it.
              arrived.push(...link.open.slice(0, 1).flatMap(({ message }) => idsOf(message)));
              link.cut();
            } else if (what === 'cut') link.cut();
            else if (what === 'connect') link.connect();
            await clock.advance(what === 'wait' ? 100 * minuteMs : 10);
            expect(link.open.length).toBeLessThanOrEqual(inFlight);
            const kept = Object.values(spool.stored).flat().length;
            expect(new Set(arrived).size + kept).toBeGreaterThanOrEqual(stored.length);
          }
          link.connect();
          for (
            let round = 0;
            round < 200 && Object.values(spool.stored).flat().length > 0;
            round++
          ) {
            acknowledge();
            await clock.advance(10 * minuteMs);
          }
          expect([...new Set(arrived)].sort()).toEqual([...stored].sort());
          for (const queue of ['high', 'low', 'operational']) {
            const first = [...new Set(arrived)].filter((id) => id.startsWith(queue));
            expect(first).toEqual(stored.filter((id) => id.startsWith(queue)));
          }
          await uplink.stop();
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('the cap of units a day', () => {
  const capped = async (): Promise<void> => {
    await start({ maxUnitsPerDay: 2 });
    store('high', 4100);
    await clock.advance(7 * minuteMs);
    expect(uplink.stats()).toMatchObject({ unitsToday: 2, maxUnitsPerDay: 2, lowDelays: 0 });
  };

  it('delays Low, while High and operational events go on', async () => {
    await capped();
    store('low', 4000);
    store('operational');
    await clock.advance(300 * minuteMs);
    expect(sent().slice(1)).toEqual([['operational-1']]);
    store('high');
    await clock.advance(7 * minuteMs);
    expect(sent().at(-1)).toEqual(['high-2']);
    expect(uplink.stats().lowDelays).toBe(1);
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('lets Low go at midnight UTC', async () => {
    await capped();
    store('low', 3000);
    await clock.advance(20 * 60 * minuteMs);
    expect(sent().flat()).not.toContain('low-1');
    await clock.advance(55 * minuteMs);
    midnight();
    await settle();
    expect(sent().flat()).toContain('low-1');
    expect(uplink.stats()).toMatchObject({ unitsToday: 1 });
  });

  it('is not forgotten over a restart, nor when the clock goes back', async () => {
    await capped();
    await uplink.stop();
    expect(JSON.parse(readFileSync(join(directory, 'daily-units.json'), 'utf8'))).toEqual({
      day: '2026-01-02',
      units: 2,
      messages: 1,
      acknowledgedUnits: 2,
      acknowledgedMessages: 1,
    });
    clock.stepWall(-clock.wallMs());
    await start({ maxUnitsPerDay: 2 });
    expect(uplink.stats().unitsToday).toBe(2);
    clock.stepWall(Date.UTC(2026, 0, 2, 12));
    expect(uplink.stats().unitsToday).toBe(2);
    clock.stepWall(24 * 60 * minuteMs);
    expect(uplink.stats().unitsToday).toBe(0);
  });

  it('a wall of Low events beyond it does not make High go early', async () => {
    await capped();
    for (let count = 0; count < 30; count++) store('low', 4000);
    store('high');
    await clock.advance(minuteMs);
    expect(sent()).toHaveLength(1);
  });
});

describe('the final send', () => {
  it('is everything, of both priorities', async () => {
    await start();
    store('low', 4000);
    store('high', 4000);
    store('operational');
    await uplink.flush(5000);
    expect(sent().flat().sort()).toEqual(['high-1', 'low-1', 'operational-1']);
    expect(spool.stats()).toMatchObject({ high: { events: 0 }, low: { events: 0 } });
  });

  it('ends at its deadline, and at once without a connection', async () => {
    link.automatic = false;
    await start();
    store('high');
    let ended = false;
    const flushed = uplink.flush(5000).then(() => (ended = true));
    await clock.advance(4999);
    expect(ended).toBe(false);
    await clock.advance(1);
    await flushed;
    link.cut();
    await uplink.flush(5000);
    expect(spool.stats().high.events).toBe(1);
  });

  it('waits for a connection that is being made, but not for one that is not', async () => {
    uplink = create();
    await uplink.start();
    const id = store('low');
    link.connecting = true;
    let ended = false;
    const flushed = uplink.flush(5000).then(() => (ended = true));
    await settle();
    expect(ended).toBe(false);
    link.connect();
    await flushed;
    expect(sent()).toEqual([[id]]);
  });

  it('tells that Low waits because of the daily cap', async () => {
    let told = 0;
    uplink = create({ maxUnitsPerDay: 1 }, () => told++);
    await uplink.start();
    link.connect();
    store('high', 3000);
    await clock.advance(7 * minuteMs);
    store('low');
    await clock.advance(300 * minuteMs);
    expect(told).toBe(1);
  });
});
