import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { LossLedger } from '../../../../agent/accounting/losses.js';
import { AggregationCoordinator } from '../../../../agent/pipeline/aggregation/coordinator.js';
import { AggregationJournal } from '../../../../agent/pipeline/aggregation/journal.js';
import { Outbox } from '../../../../agent/pipeline/outbox.js';
import { Spool } from '../../../../agent/spool/spool.js';
import { FakeClock, settle } from '../../../support/fake-clock.js';
import { MemoryFiles, type Operation } from '../../../support/memory-files.js';

const windowMs = 25_000;

/** Counting and journaling as the agent puts them together, on one disk; a crash ends it between any two steps. */
interface Life {
  readonly clock: FakeClock;
  readonly files: MemoryFiles;
  readonly spool: Spool;
  readonly coordinator: AggregationCoordinator;
  readonly losses: LossLedger;
}

async function start(files: MemoryFiles, wallMs: number, limitBytes = 1_000_000): Promise<Life> {
  const clock = new FakeClock(wallMs);
  const losses = new LossLedger();
  const identify = (): Promise<undefined> => Promise.resolve(undefined);
  const spool = await Spool.open({
    directory: '/spool',
    limitBytes,
    clock,
    files,
    identify,
    lose: (cause, count) => losses.count('spool', cause, count),
  });
  const outbox = new Outbox({
    spool,
    clock,
    losses,
    maxEventBytes: () => 8_192,
    maxSnapshotBytes: () => 8_192,
    aggregatedCategory: 'Triggered',
    markTime: () => undefined,
  });
  const journal = await AggregationJournal.open({
    directory: '/aggregates',
    files,
    lose: (cause, count) => losses.count('aggregates', cause, count),
  });
  const coordinator = new AggregationCoordinator({
    clock,
    journal,
    maxEntries: 6,
    maxBytes: 100_000,
    outbox,
    queueOf: () => 'low',
    onDropped: (_name, hits) => losses.count('low', 'pipelineOverflow', hits),
    isDurable: () => spool.problem === undefined,
  });
  await coordinator.start();
  coordinator.setInterval('ProcessCreate', windowMs);
  return { clock, files, spool, coordinator, losses };
}

interface Hit {
  readonly command: string;
  readonly atMs: number;
}

type Step =
  | { readonly kind: 'hit'; readonly command: number; readonly times: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | {
      readonly kind: 'refuse';
      readonly operation: Operation;
      readonly pattern: readonly boolean[];
      readonly command: number;
    }
  | {
      readonly kind: 'crash';
      readonly turns: number;
      readonly torn: number;
      readonly names: boolean;
    };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('hit' as const),
    command: fc.nat(12),
    times: fc.integer({ min: 1, max: 4 }),
  }),
  fc.record({
    kind: fc.constant('wait' as const),
    ms: fc.constantFrom(100, 950, 1100, 9000, 26_000),
  }),
  fc.record({
    kind: fc.constant('refuse' as const),
    operation: fc.constantFrom<Operation>(
      'open',
      'write',
      'sync',
      'syncDirectory',
      'unlink',
      'truncate',
    ),
    pattern: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
    command: fc.nat(12),
  }),
  fc.record({
    kind: fc.constant('crash' as const),
    turns: fc.nat(80),
    torn: fc.constantFrom(0, 0.4, 1),
    names: fc.boolean(),
  }),
);

class Story {
  private readonly hits: Hit[] = [];
  /** Hits of the ten seconds before a crash, whose number may be lost, and identities first seen in its last second. */
  private readonly excused = new Map<string, number>();
  private readonly unsaved = new Set<string>();

  constructor(private life: Life) {}

  hit(command: number, times = 1): void {
    const { clock, coordinator } = this.life;
    for (let time = 0; time < times; time++) {
      const line = `program-${command}`;
      this.hits.push({ command: line, atMs: clock.wallMs() });
      const identity = { Executable: '/bin/x', ProcessId: 7, ParentProcessId: 1, UserId: '0' };
      coordinator.add('ProcessCreate', { ...identity, CommandLine: line }, clock.wallMs(), false);
    }
  }

  async run(step: Step): Promise<void> {
    const { clock, files } = this.life;
    switch (step.kind) {
      case 'hit':
        this.hit(step.command, step.times);
        await settle();
        return;
      case 'wait':
        return clock.advance(step.ms);
      case 'refuse': {
        let calls = 0;
        files.fault = (operation) =>
          operation === step.operation && step.pattern[calls++ % step.pattern.length] === true
            ? 'ENOSPC'
            : undefined;
        this.hit(step.command);
        await clock.advance(26_000);
        files.fault = () => undefined;
        return clock.advance(60_000);
      }
      case 'crash':
        return this.crash(step);
    }
  }

  private async crash({ turns, torn, names }: Step & { kind: 'crash' }): Promise<void> {
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    const { clock, files } = this.life;
    const nowMs = clock.wallMs();
    files.powerCut(torn, () => names);
    const medium = new MemoryFiles();
    medium.adopt(files.fork());
    for (const { command, atMs } of this.hits) {
      if (atMs <= nowMs - 10_000) continue;
      this.excused.set(command, (this.excused.get(command) ?? 0) + 1);
      if (atMs > nowMs - 1000) this.unsaved.add(`${command} ${atMs}`);
    }
    this.life = await start(medium, nowMs);
  }

  async check(): Promise<void> {
    const { coordinator, spool, losses } = this.life;
    await coordinator.sealAll();
    await this.life.clock.advance(60_000);
    const counted = new Map<string, number>();
    const byId = new Map<string, string>();
    for (const { json } of await spool.read('low', 0, Infinity)) {
      const event = JSON.parse(json) as {
        Id: string;
        Payload: { CommandLine: string; ExtraDetails: { HitCount: string } }[];
      };
      const known = byId.get(event.Id);
      ensure(known === undefined || known === json, 'a duplicate says the same', { known, json });
      if (known !== undefined) continue;
      byId.set(event.Id, json);
      for (const { CommandLine, ExtraDetails } of event.Payload)
        counted.set(CommandLine, (counted.get(CommandLine) ?? 0) + Number(ExtraDetails.HitCount));
    }
    for (const command of new Set(this.hits.map((hit) => hit.command))) {
      const all = this.hits.filter((hit) => hit.command === command);
      const count = counted.get(command) ?? 0;
      const detail = { command, count, hits: all.length, losses: losses.snapshot() };
      ensure(count <= all.length, 'no hit is counted twice', detail);
      ensure(count >= all.length - (this.excused.get(command) ?? 0), 'older hits are kept', detail);
      const mustBeThere = all.some(({ atMs }) => !this.unsaved.has(`${command} ${atMs}`));
      ensure(count > 0 || !mustBeThere, 'no identity is lost after its first second', detail);
    }
  }
}

function ensure(condition: boolean, promise: string, detail: unknown): void {
  if (!condition) throw new Error(`${promise}: ${JSON.stringify(detail)}`);
}

/** What the hub would get of the queue now. */
async function sent({ spool }: Life): Promise<{ Id: string }[]> {
  return (await spool.read('low', 0, Infinity)).map(
    ({ json }) => JSON.parse(json) as { Id: string },
  );
}

describe('Counting and journaling over crashes', () => {
  it('what was sent while the disk refused and what is counted on after a crash say the same or have other ids', async () => {
    const files = new MemoryFiles();
    const life = await start(files, Date.UTC(2026, 0, 1));
    const story = new Story(life);
    story.hit(1, 3);
    await life.clock.advance(1_100);
    files.fault = (operation) => (operation === 'write' ? 'ENOSPC' : undefined);
    await life.clock.advance(windowMs);
    const before = await sent(life);
    expect(before).toHaveLength(1);

    files.powerCut();
    const medium = new MemoryFiles();
    medium.adopt(files.fork());
    const next = await start(medium, life.clock.wallMs());
    new Story(next).hit(1, 2);
    await next.coordinator.sealAll();
    const after = await sent(next);
    expect(after).not.toEqual([]);
    for (const event of before)
      for (const other of after) if (other.Id === event.Id) expect(other).toEqual(event);
  });

  it(
    'no identity is lost after its first second, no hit counted twice, only counts of ten seconds are',
    { timeout: 60_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 30, size: '+1' }), async (steps) => {
          const story = new Story(await start(new MemoryFiles(), Date.UTC(2026, 0, 1)));
          for (const each of steps) await story.run(each);
          await story.check();
        }),
        { numRuns: Number(process.env['AGGREGATION_CRASH_RUNS'] ?? 60) },
      );
    },
  );
});
