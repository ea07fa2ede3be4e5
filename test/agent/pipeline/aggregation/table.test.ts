import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  sealAggregate,
  type SealedAggregate,
} from '../../../../agent/pipeline/aggregation/aggregate.js';
import {
  aggregatedNames,
  type AggregatedName,
} from '../../../../agent/pipeline/aggregation/identity.js';
import {
  AggregationTable,
  type AggregationOptions,
} from '../../../../agent/pipeline/aggregation/table.js';
import type { EventDeclaration } from '../../../../contract/declaration.js';
import { eventDeclarations, type Payload } from '../../../../contract/events.js';
import { FakeClock } from '../../../support/fake-clock.js';

const minute = 60_000;
const hour = 60 * minute;

function started(
  commandLine: string,
  details: Record<string, string> = {},
  fields: Partial<Payload<'ProcessCreate'>> = {},
): Payload<'ProcessCreate'> {
  return {
    Executable: '/bin/true',
    ProcessId: 4711,
    ParentProcessId: 1,
    UserId: '0',
    UserName: 'root',
    CommandLine: commandLine,
    ExtraDetails: { Hash: '', ...details },
    ...fields,
  };
}

function bench(options: Partial<AggregationOptions> = {}) {
  const clock = new FakeClock(Date.UTC(2026, 0, 2, 3, 0, 0));
  const sealed: SealedAggregate[] = [];
  let ids = 0;
  const table = new AggregationTable({
    clock,
    maxEntries: 100,
    maxBytes: 1_000_000,
    onOpened: () => undefined,
    onSealed: (aggregate, endMs) => sealed.push(sealAggregate(aggregate, endMs)),
    newId: () => `id-${++ids}`,
    ...options,
  });
  const hit = (...rest: Parameters<typeof started>): boolean =>
    table.add('ProcessCreate', started(...rest), clock.wallMs());
  return { clock, table, sealed, hit };
}

const hitsIn = (sealed: readonly SealedAggregate[]): number[] =>
  sealed.map(({ payload }) => Number(payload.ExtraDetails?.['HitCount']));

/** One payload of each kind, without ExtraDetails. */
const plain: { readonly [N in AggregatedName]: Payload<N> } = {
  ProcessCreate: started('true'),
  ProcessTerminate: { Executable: '/bin/true', ProcessId: 1, ExitStatus: 0 },
  ConnectionCreate: {
    Protocol: 'tcp',
    Direction: 'In',
    RemoteAddress: '192.0.2.1',
    RemotePort: '4711',
    LocalAddress: '192.0.2.2',
    LocalPort: '22',
    ProcessId: 1,
    Executable: '/usr/sbin/sshd',
  },
};

const commandLine = (payload: Payload): string => (payload as Payload<'ProcessCreate'>).CommandLine;

describe('AggregationTable', () => {
  it('an aggregate that was open when the clock was set gets its true times, and says so', async () => {
    const setTo = Date.UTC(2026, 0, 2, 3, 0, 0);
    const { clock, table, sealed, hit } = bench();
    clock.stepWall(-setTo);
    table.setInterval('ProcessCreate', hour);
    await clock.advance(minute);
    hit('true');
    clock.stepWall(setTo);
    await clock.advance(minute);
    hit('true');
    table.clockSet(setTo);
    await clock.advance(hour);
    expect(sealed[0]?.payload.ExtraDetails).toMatchObject({
      HitCount: '2',
      StartTimeUtc: '2026-01-02T03:00:00.000Z',
      FirstSeenUtc: '2026-01-02T03:01:00.000Z',
      LastSeenUtc: '2026-01-02T03:02:00.000Z',
      EndTimeUtc: '2026-01-02T04:00:00.000Z',
      TimeCorrectedFrom: '1970-01-01T00:00:00.000Z',
    });
  });

  it('an aggregate of an earlier run that began before the clock was set says that its times are not to be trusted', () => {
    const { table, sealed } = bench();
    const seen = { startMs: 5_000, firstSeenMs: 5_000, lastSeenMs: 6_000, hitCount: 1 };
    const rest = { hash: '', unhashedHits: 1, extraDetails: {} };
    const identity = started('true', {}, { ProcessId: 0, ParentProcessId: 0 });
    table.restore([{ id: 'old', name: 'ProcessCreate', identity, ...seen, ...rest }]);
    table.sealAll();
    expect(sealed[0]?.payload.ExtraDetails).toMatchObject({ ClockNotSet: 'true' });
  });

  it('an aggregate carries the contract: zeroed ids, counts and bounds as text', async () => {
    const { clock, table, sealed, hit } = bench();
    table.setInterval('ProcessCreate', hour);
    await clock.advance(minute);
    hit('true', { auid: '1000', session: '3', Hash: 'aa' });
    await clock.advance(minute);
    hit('true', { auid: '1000', session: '4', Hash: 'aa' });
    expect(sealed).toEqual([]);
    await clock.advance(hour);
    expect(sealed).toHaveLength(1);
    const [first] = sealed;
    expect(first?.id).toBe('id-1');
    expect(first?.payload).toMatchObject({ ProcessId: 0, ParentProcessId: 0, UserName: 'root' });
    expect(first?.payload.ExtraDetails).toMatchObject({
      HitCount: '2',
      StartTimeUtc: '2026-01-02T03:00:00.000Z',
      EndTimeUtc: '2026-01-02T04:00:00.000Z',
      FirstSeenUtc: '2026-01-02T03:01:00.000Z',
      LastSeenUtc: '2026-01-02T03:02:00.000Z',
      Hash: 'aa',
      auid: '1000',
    });
    expect(first?.payload.ExtraDetails).not.toHaveProperty('session');
    const { StartTimeLocal = '', EndTimeLocal = '' } = first?.payload.ExtraDetails ?? {};
    expect(Date.parse(StartTimeLocal)).toBe(Date.UTC(2026, 0, 2, 3));
    expect(Date.parse(EndTimeLocal)).toBe(Date.UTC(2026, 0, 2, 4));
  });

  it('the next window begins where the last one ended, not at the first hit', async () => {
    const { clock, table, sealed, hit } = bench();
    table.setInterval('ProcessCreate', hour);
    await clock.advance(hour + minute);
    hit('true');
    await clock.advance(hour);
    expect(sealed[0]?.payload.ExtraDetails).toMatchObject({
      StartTimeUtc: '2026-01-02T04:00:00.000Z',
      EndTimeUtc: '2026-01-02T05:00:00.000Z',
    });
  });

  it('an unknown hash joins, a different known one opens a new aggregate at once', () => {
    const { table, sealed, hit } = bench();
    hit('true', { Hash: '' });
    hit('true', { Hash: 'aa' });
    hit('true', { Hash: '' });
    expect(sealed).toEqual([]);
    hit('true', { Hash: 'bb' });
    expect(sealed.map(({ payload }) => payload.ExtraDetails?.['Hash'])).toEqual(['aa']);
    hit('true', { Hash: '' });
    table.sealAll();
    expect(hitsIn(sealed)).toEqual([3, 2]);
  });

  it('a known hash does not vouch for hits without one', () => {
    const { table, sealed, hit } = bench();
    for (const Hash of ['aa', '', 'aa', '']) hit('true', { Hash });
    hit('false', { Hash: 'aa' });
    hit('unknown', { Hash: '' });
    table.sealAll();
    const told = sealed.map(({ payload }) => payload.ExtraDetails?.['HitsWithoutHash']);
    expect(told).toEqual(['2', undefined, undefined]);
  });

  it('connections of which some are known by their listener alone are not told as accepted by it', () => {
    const { table, sealed, clock } = bench();
    const listener = { ProcessRole: 'listener', ProtocolKnown: 'false' };
    for (const ExtraDetails of [undefined, listener, { ProcessRole: 'listener' }, undefined]) {
      const details = ExtraDetails === undefined ? {} : { ExtraDetails };
      table.add('ConnectionCreate', { ...plain.ConnectionCreate, ...details }, clock.wallMs());
    }
    table.sealAll();
    expect(sealed[0]?.payload.ExtraDetails).toMatchObject({ HitCount: '4', ...listener });
  });

  it.each(aggregatedNames)('counts %s of each container apart, restarts and all', (name) => {
    const [before, after] = [bench(), bench()];
    const hit = ({ table, clock }: typeof before, ContainerId?: string) => {
      const ExtraDetails = ContainerId === undefined ? {} : { ContainerId };
      table.add(name, { ...plain[name], ExtraDetails }, clock.wallMs());
    };
    for (const id of ['a', 'b', undefined, 'a']) hit(before, id);
    after.table.restore(structuredClone([...before.table.open()]));
    for (const id of ['b', undefined, 'b']) hit(after, id);
    after.table.sealAll();
    const told = after.sealed.map(({ payload: { ExtraDetails } }) => [
      ExtraDetails?.['ContainerId'],
      ExtraDetails?.['HitCount'],
    ]);
    expect(told).toEqual([
      ['a', '2'],
      ['b', '3'],
      [undefined, '2'],
    ]);
  });

  it.each(aggregatedNames)(
    'an aggregate of %s never lacks a caveat of one of its hits, restarts and all, and no other detail that one lacks',
    (name) => {
      const event: EventDeclaration = eventDeclarations[name];
      const { details = {}, caveats = {}, distinguishing = [] } = event;
      const apart = ['Hash', ...distinguishing];
      const plainDetails = Object.keys(details).filter((key) => !apart.includes(key));
      const hit = fc.uniqueArray(fc.constantFrom(...Object.keys(caveats), ...plainDetails));
      const hits = fc.array(fc.record({ keys: hit, thenRestart: fc.boolean() }), { minLength: 1 });
      fc.assert(
        fc.property(hits, (list) => {
          let { table, sealed, clock } = bench();
          for (const { keys, thenRestart } of list) {
            const ExtraDetails = Object.fromEntries(keys.map((key) => [key, 'told']));
            table.add(name, { ...plain[name], ExtraDetails }, clock.wallMs());
            if (!thenRestart) continue;
            const open = structuredClone([...table.open()]);
            ({ table, sealed, clock } = bench());
            table.restore(open);
          }
          table.sealAll();
          const told = sealed[0]?.payload.ExtraDetails ?? {};
          const having = (key: string) => list.filter(({ keys }) => keys.includes(key)).length;
          for (const key of Object.keys(caveats)) expect(key in told, key).toBe(having(key) > 0);
          for (const key of plainDetails)
            expect(key in told, key).toBe(having(key) === list.length);
        }),
      );
    },
  );

  it('caveats that come later count for the memory that is used', () => {
    const { table, hit } = bench();
    hit('true');
    const before = table.bytes;
    hit('true', { CommandLineKnown: 'false' });
    expect(table.bytes).toBeGreaterThan(before);
    table.sealAll();
    expect(table.bytes).toBe(0);
  });

  it.each([
    ['Executable', { Executable: '/bin/false' }],
    ['CommandLine', { CommandLine: 'true ' }],
    ['UserId', { UserId: '1' }],
    ['UserName', { UserName: 'toor' }],
  ])('hits that differ in %s are not counted together', (_field, fields) => {
    const { table, hit } = bench();
    hit('true');
    hit('true', {}, fields);
    hit('true', {}, { ProcessId: 1, ParentProcessId: 2 });
    expect([...table.open()].map(({ hitCount }) => hitCount)).toEqual([2, 1]);
  });

  it('a shorter interval seals a window that is already longer, at once', async () => {
    const { clock, table, sealed, hit } = bench();
    table.setInterval('ProcessCreate', hour);
    hit('true');
    await clock.advance(10 * minute);
    table.setInterval('ProcessCreate', 20 * minute);
    expect(sealed).toHaveLength(0);
    table.setInterval('ProcessCreate', 5 * minute);
    expect(sealed).toHaveLength(1);
    hit('true');
    await clock.advance(5 * minute);
    expect(sealed).toHaveLength(2);
  });

  it.each([-hour, 24 * hour])(
    'a step of the clock by %i ms neither fires nor starves',
    async (step) => {
      const { clock, table, sealed, hit } = bench();
      table.setInterval('ProcessCreate', hour);
      hit('true');
      clock.stepWall(step);
      await clock.advance(hour - 1);
      expect(sealed).toHaveLength(0);
      await clock.advance(1);
      expect(sealed).toHaveLength(1);
    },
  );

  it('restored aggregates keep id, count and window; an overdue window is sealed', async () => {
    const before = bench();
    before.hit('one');
    before.hit('one');
    const open = [...before.table.open()];
    for (const [downMs, waitMs] of [
      [10 * minute, 50 * minute],
      [3 * hour, 0],
      [-5 * hour, hour],
    ] as const) {
      const after = bench();
      after.clock.stepWall(downMs);
      after.table.restore(structuredClone(open));
      after.table.setInterval('ProcessCreate', hour);
      expect(after.sealed).toHaveLength(waitMs === 0 ? 1 : 0);
      if (waitMs > 0) {
        after.hit('one');
        await after.clock.advance(waitMs - 1);
        expect(after.sealed, `after ${downMs}`).toHaveLength(0);
        await after.clock.advance(1);
      }
      expect(after.sealed[0]?.id).toBe('id-1');
      expect(hitsIn(after.sealed)).toEqual([waitMs === 0 ? 2 : 3]);
    }
  });

  it('whatever is hit, the HitCounts add up, no identity is lost, and the bounds hold', () => {
    const hits = fc.array(
      fc.record({
        command: fc.integer({ min: 0, max: 30 }).map((number) => `c${number}`.repeat(number + 1)),
        hash: fc.constantFrom('', '', 'aa', 'bb'),
        then: fc.constantFrom('', '', '', '', '', 'sealAll', 'shorter'),
      }),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(hits, fc.nat(12), fc.nat(40), (list, fewer, burst) => {
        const maxEntries = fewer + 1;
        const { table, sealed, hit } = bench({ maxEntries, maxBytes: 8000, burst });
        const perCommand = new Map<string, number>();
        for (const { command, hash, then } of list) {
          if (!hit(command, { Hash: hash }))
            perCommand.set(command, (perCommand.get(command) ?? 0) + 1);
          expect(table.entries).toBeLessThanOrEqual(maxEntries);
          expect(table.bytes).toBeLessThanOrEqual(8000);
          if (then === 'sealAll') table.sealAll();
          if (then === 'shorter') table.setInterval('ProcessCreate', minute);
        }
        table.sealAll();
        expect(table.entries).toBe(0);
        expect(table.bytes).toBe(0);
        for (const { payload } of sealed) {
          const counted = perCommand.get(commandLine(payload)) ?? 0;
          perCommand.set(
            commandLine(payload),
            counted + Number(payload.ExtraDetails?.['HitCount']),
          );
        }
        const expected = new Map<string, number>();
        for (const { command } of list) expected.set(command, (expected.get(command) ?? 0) + 1);
        expect(perCommand).toEqual(expected);
        expect(new Set(sealed.map(({ id }) => id)).size).toBe(sealed.length);
      }),
      { numRuns: 150 },
    );
  });

  it('over its bound the oldest aggregate is sealed early, and that is counted', () => {
    const { table, sealed, hit } = bench({ maxEntries: 2 });
    for (const command of ['a', 'b', 'a', 'c']) hit(command);
    expect(sealed.map(({ payload }) => commandLine(payload))).toEqual(['a']);
    expect(hitsIn(sealed)).toEqual([2]);
    expect(table.earlySeals).toBe(1);
  });
});
