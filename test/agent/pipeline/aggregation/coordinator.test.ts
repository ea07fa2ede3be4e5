import { describe, expect, it } from 'vitest';
import type { Payload } from '../../../../contract/events.js';

import { AggregationCoordinator } from '../../../../agent/pipeline/aggregation/coordinator.js';
import { AggregationJournal } from '../../../../agent/pipeline/aggregation/journal.js';
import type { SealedAggregate } from '../../../../agent/pipeline/aggregation/aggregate.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { MemoryFiles } from '../../../support/memory-files.js';

const hour = 3_600_000;

function bench() {
  const files = new MemoryFiles();
  const clock = new FakeClock();
  const alone: string[] = [];
  const delivered: SealedAggregate[] = [];
  const losses: Record<string, number> = {};
  let durable = true;
  let ids = 0;
  let onDeliver = (): Promise<void> => Promise.resolve();
  async function start(
    interval = hour,
    maxEntries = 1000,
    maxBytes = 4_000_000,
  ): Promise<AggregationCoordinator> {
    const journal = await AggregationJournal.open({
      directory: '/aggregates',
      files,
      lose: (cause, count) => (losses[cause] = (losses[cause] ?? 0) + count),
    });
    const coordinator = new AggregationCoordinator({
      clock,
      journal,
      maxEntries,
      maxBytes,
      outbox: {
        add: (_queue, _name, payload) => alone.push(commandLine(payload)),
        addSealed: (_queue, _name, sealed) => {
          delivered.push(...sealed);
          return onDeliver();
        },
      },
      queueOf: () => 'low',
      onDropped: (_name, hits) => (losses['dropped'] = (losses['dropped'] ?? 0) + hits),
      isDurable: () => durable,
      newId: () => `id-${++ids}`,
    });
    await coordinator.start();
    coordinator.setInterval('ProcessCreate', interval);
    return coordinator;
  }
  function hit(coordinator: AggregationCoordinator, command: string, urgent = false): void {
    const identity = { Executable: '/bin/x', ProcessId: 7, ParentProcessId: 1, UserId: '0' };
    const payload = { ...identity, CommandLine: command, ExtraDetails: { Hash: '', cwd: '/' } };
    coordinator.add('ProcessCreate', payload, clock.wallMs(), urgent);
  }
  const counts = (): Record<string, number> =>
    Object.fromEntries(
      delivered.map(({ payload, id }) => [
        `${id} ${commandLine(payload)}`,
        Number(payload.ExtraDetails?.['HitCount']),
      ]),
    );
  return {
    files,
    clock,
    delivered,
    alone,
    losses,
    start,
    hit,
    counts,
    setDurable: (value: boolean) => (durable = value),
    whenDelivering: (action: () => Promise<void>) => (onDeliver = action),
  };
}

const commandLine = (payload: Payload): string => (payload as Payload<'ProcessCreate'>).CommandLine;

describe('AggregationCoordinator', () => {
  it('the first sight of an identity is on disk within a second', async () => {
    const { files, clock, start, hit, counts } = bench();
    hit(await start(), 'one');
    await clock.advance(1000);
    files.powerCut();
    await (await start()).sealAll();
    expect(counts()).toEqual({ 'id-1 one': 1 });
  });

  it('an urgent first sight is on disk at once', async () => {
    const { files, start, hit, counts } = bench();
    const coordinator = await start();
    hit(coordinator, 'one', true);
    await coordinator.settled();
    files.powerCut();
    await (await start()).sealAll();
    expect(counts()).toEqual({ 'id-1 one': 1 });
  });

  it('a crash costs hit counts of the last ten seconds only', async () => {
    const { files, clock, start, hit, counts } = bench();
    const coordinator = await start();
    for (let second = 0; second < 30; second++) {
      hit(coordinator, 'one');
      await clock.advance(1000);
    }
    files.powerCut();
    await (await start()).sealAll();
    expect(counts()['id-1 one']).toBeGreaterThanOrEqual(20);
  });

  it('a stop and a start go on with the same id, counts and window', async () => {
    const { clock, start, hit, delivered, counts } = bench();
    const coordinator = await start();
    hit(coordinator, 'one');
    hit(coordinator, 'one');
    await coordinator.stop();
    const startMs = clock.wallMs();
    await clock.advance(hour / 2);
    const again = await start();
    hit(again, 'one');
    await clock.advance(hour / 2);
    await again.settled();
    expect(counts()).toEqual({ 'id-1 one': 3 });
    expect(Date.parse(delivered[0]?.payload.ExtraDetails?.['StartTimeUtc'] ?? '')).toBe(startMs);
  });

  it('a crash between the spool and the store gives the same event again, never another', async () => {
    const { files, clock, start, hit, delivered, whenDelivering } = bench();
    const coordinator = await start();
    for (const command of ['c', 'a', 'b']) hit(coordinator, command);
    await clock.advance(1000);
    hit(coordinator, 'b');
    const crash = new Promise<void>((crashed) => {
      whenDelivering(() => {
        files.powerCut();
        files.fault = () => 'EIO';
        crashed();
        return new Promise(() => undefined);
      });
    });
    void coordinator.sealAll();
    await crash;
    files.fault = () => undefined;
    whenDelivering(() => Promise.resolve());
    const first = delivered.splice(0);
    expect(first).toHaveLength(3);
    const again = await start();
    expect(delivered).toEqual(first);
    hit(again, 'b');
    await again.sealAll();
    await again.stop();
    await start();
    expect(delivered).toHaveLength(4);
  });

  it('aggregates that are handed on are not there after a restart', async () => {
    const { files, start, hit, delivered } = bench();
    const coordinator = await start();
    hit(coordinator, 'one');
    await coordinator.sealAll();
    files.powerCut();
    await (await start()).sealAll();
    expect(delivered).toHaveLength(1);
  });

  it('while the spool holds events in memory, the store keeps their aggregates', async () => {
    const { files, clock, start, hit, delivered, setDurable } = bench();
    const coordinator = await start();
    hit(coordinator, 'one');
    setDurable(false);
    await coordinator.sealAll();
    files.powerCut();
    const second = await start();
    expect(delivered.map(({ id }) => id)).toEqual(['id-1', 'id-1']);
    setDurable(true);
    hit(second, 'two');
    await clock.advance(10_000);
    await second.stop();
    await start();
    expect(delivered).toHaveLength(2);
  });

  it('a disk that refuses stops nothing, and what it refused is saved later', async () => {
    const { files, clock, start, hit, counts } = bench();
    const coordinator = await start();
    files.fault = (operation) => (operation === 'write' ? 'ENOSPC' : undefined);
    hit(coordinator, 'one');
    await clock.advance(5000);
    files.fault = () => undefined;
    await clock.advance(1000);
    files.powerCut();
    await (await start()).sealAll();
    expect(counts()).toEqual({ 'id-1 one': 1 });
  });

  it('the files stay bounded while windows come and go', async () => {
    const { files, clock, start, hit, delivered } = bench();
    const coordinator = await start(60_000);
    let largest = 0;
    for (let round = 0; round < 60; round++) {
      for (let number = 0; number < 50; number++)
        hit(coordinator, `command ${number % (round + 1)}`);
      await clock.advance(20_000);
      await coordinator.settled();
      largest = Math.max(largest, files.usedBytes());
    }
    expect(delivered.length).toBeGreaterThan(500);
    expect(largest).toBeLessThan(160 * 1024);
  });

  it('damage costs the damaged record only, is counted once, and stops nothing', async () => {
    const { files, clock, start, hit, counts, losses } = bench();
    const coordinator = await start();
    for (const command of ['one', 'two', 'three']) hit(coordinator, command);
    await clock.advance(1000);
    await coordinator.stop();
    const [path = ''] = files.segments();
    files.flip(path, Math.floor(files.content(path).length / 2));
    await (await start()).stop();
    const again = await start();
    await again.sealAll();
    expect(counts()).toEqual({ 'id-1 one': 1, 'id-3 three': 1 });
    expect(losses).toEqual({ spoolCorrupt: 1 });
  });

  it('records of strangers in the store are refused one by one', async () => {
    const { files, start, hit, clock, counts, losses } = bench();
    const coordinator = await start();
    hit(coordinator, 'one');
    await clock.advance(1000);
    const { Journal } = await import('../../../../agent/spool/journal.js');
    const { journal } = await Journal.open({
      files,
      directory: '/aggregates',
      name: 'aggregates',

      segmentBytes: 4096,
    });
    const texts = [
      '{',
      'null',
      '7',
      '{"kind":"open"}',
      '{"kind":"open","aggregate":{"id":"x","name":"__proto__","identity":{},"startMs":0,"hitCount":1,"firstSeenMs":1,"lastSeenMs":1,"hash":"","extraDetails":{}}}',
      '{"kind":"open","aggregate":{"id":"x","name":"ProcessCreate","identity":{},"startMs":0,"hitCount":1,"firstSeenMs":1,"lastSeenMs":1,"hash":"","extraDetails":{}}}',
      '{"kind":"hits","id":"id-1"}',
      '{"kind":"gone","ids":[7]}',
    ];
    await journal.append(
      texts.map((text, index) => ({ sequence: 100 + index, wallMs: 0, body: Buffer.from(text) })),
    );
    await (await start()).sealAll();
    expect(counts()).toEqual({ 'id-1 one': 1 });
    expect(losses['spoolCorrupt']).toBeGreaterThanOrEqual(texts.length);
  });

  it('a disk that hangs keeps closed aggregates within bounds; what does not fit is counted', async () => {
    const { start, hit, delivered, losses, whenDelivering } = bench();
    let letGo: () => void = () => undefined;
    whenDelivering(() => new Promise((resolve) => (letGo = resolve)));
    const coordinator = await start(hour, 10, 100_000);
    const distinct = 500;
    for (let index = 0; index < distinct; index++) {
      hit(coordinator, `command ${index}`, true);
      if (index % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    whenDelivering(() => Promise.resolve());
    letGo();
    await coordinator.sealAll();
    // 200,000 bytes take some 250 of them, and 10 were open.
    expect(delivered.length).toBeLessThan(300);
    expect(delivered.length).toBeGreaterThan(100);
    expect(delivered.length + (losses['dropped'] ?? 0)).toBe(distinct);
  });

  it('of a flood of identities that come once most are told by themselves, the others are counted, and none is lost', async () => {
    const { start, hit, delivered, alone, losses } = bench();
    const coordinator = await start(hour, 4096);
    for (let index = 0; index < 3200; index++) hit(coordinator, `command ${index}`);
    // What comes again is worth counting, however many others come.
    for (let index = 0; index < 50; index++) hit(coordinator, 'command 3000');
    await coordinator.sealAll();
    const hits = new Map<string, number>(alone.map((command) => [command, 1]));
    for (const { payload } of delivered) {
      const counted = Number(payload.ExtraDetails?.['HitCount']);
      hits.set(commandLine(payload), (hits.get(commandLine(payload)) ?? 0) + counted);
    }
    expect(hits.size).toBe(3200);
    expect([...hits].filter(([, count]) => count !== 1)).toEqual([['command 3000', 51]]);
    expect(delivered.length).toBeLessThan(600);
    expect(alone).toHaveLength(new Set(alone).size);
    expect(losses).toEqual({});
  });

  it('what is closed while the disk is busy is written together', async () => {
    const { start, hit, counts, clock, whenDelivering } = bench();
    let deliveries = 0;
    let letGo: () => void = () => undefined;
    whenDelivering(() => {
      deliveries++;
      return deliveries > 1 ? Promise.resolve() : new Promise((resolve) => (letGo = resolve));
    });
    const coordinator = await start(hour, 1);
    for (let index = 0; index < 100; index++) {
      hit(coordinator, `command ${index}`);
      await clock.advance(1);
    }
    letGo();
    await coordinator.sealAll();
    expect(Object.keys(counts())).toHaveLength(100);
    expect(deliveries).toBeLessThan(4);
  });
});
