import fc from 'fast-check';
import { describe, it } from 'vitest';

import { Spool, type QueueName } from '../../../agent/spool/spool.js';
import { FakeClock } from '../../support/fake-clock.js';
import { MemoryFiles, type Operation } from '../../support/memory-files.js';

const names = ['high', 'low', 'operational'] as const satisfies readonly QueueName[];

/** What the spool owes, and what may have happened to the rest. */
interface Model {
  /** By queue: the texts that were appended and neither acknowledged nor known to be gone, oldest first. */
  readonly owed: Record<QueueName, Owed[]>;
  limitBytes: number;
}

interface Owed {
  readonly text: string;
  /** Whether it was on disk: then only a counted loss excuses its absence. */
  durable: boolean;
}

class Real {
  readonly files = new MemoryFiles();
  readonly clock = new FakeClock();
  spool!: Spool;
  /** Losses counted since they were last settled. */
  lost: Record<QueueName, number> = { high: 0, low: 0, operational: 0 };
  written = 0;

  async open(limitBytes: number): Promise<void> {
    this.spool = await Spool.open({
      directory: '/spool',
      limitBytes,
      clock: this.clock,
      files: this.files,
      identify: () => Promise.resolve(undefined),
      lose: (_cause, count, queue) => {
        if (queue !== undefined) this.lost[queue] += count;
      },
    });
  }
}

function ensure(condition: boolean, promise: string, detail: unknown): void {
  if (!condition) throw new Error(`${promise}: ${JSON.stringify(detail)}`);
}

/**
 * Reads everything and settles the model with it: order kept, nothing twice, nothing unknown, and each durable event
 * that is absent is covered by a counted loss.
 */
async function settleModel(
  model: Model,
  real: Real,
  after: 'calm' | 'crash' | 'cut' = 'calm',
): Promise<void> {
  for (const queue of names) {
    const events = await real.spool.read(queue, 0, Infinity);
    const owed = model.owed[queue];
    let at = 0;
    let absent = 0;
    let previous = 0;
    const kept: Owed[] = [];
    for (const { json, sequence } of events) {
      ensure(sequence > previous, 'sequences rise', { queue, sequence, previous });
      previous = sequence;
      const found = owed.findIndex(({ text }, index) => index >= at && text === json);
      ensure(found >= 0, 'what is read was appended, once, in this order, unacknowledged', {
        queue,
        json,
      });
      absent += owed.slice(at, found).filter(({ durable }) => durable).length;
      kept.push({ text: json, durable: true });
      at = found + 1;
    }
    absent += owed.slice(at).filter(({ durable }) => durable).length;
    const detail = { queue, absent, counted: real.lost[queue] };
    // What is cut off between two records at the very end leaves no trace; no crash does that to synced bytes.
    if (after !== 'cut') ensure(absent <= detail.counted, 'every absent event is counted', detail);
    if (after === 'calm')
      ensure(absent === detail.counted, 'no loss is counted that did not happen', detail);
    real.lost[queue] = 0;
    model.owed[queue] = kept;
  }
  ensure(real.files.usedBytes() <= model.limitBytes, 'the limit holds', {
    used: real.files.usedBytes(),
    limit: model.limitBytes,
  });
}

type Command = fc.AsyncCommand<Model, Real>;

class Append implements Command {
  constructor(
    private readonly queue: QueueName,
    private readonly sizes: readonly number[],
  ) {}
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    const owed = model.owed[this.queue];
    await Promise.all(
      this.sizes.map(async (size) => {
        const text = `${++real.written} ${'é'.repeat(size)}`;
        const entry = { text, durable: true };
        owed.push(entry);
        await real.spool.append(this.queue, text);
      }),
    );
    await settleModel(model, real);
  }
  toString = (): string => `append(${this.queue}, ${this.sizes.join(' ')})`;
}

class Read implements Command {
  constructor(
    private readonly queue: QueueName,
    private readonly maxBytes: number,
    private readonly maxCount: number,
  ) {}
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    const events = await real.spool.read(this.queue, 0, this.maxBytes, this.maxCount);
    const texts = model.owed[this.queue].map(({ text }) => text);
    const expected: string[] = [];
    let sizeBytes = 0;
    for (const text of texts) {
      sizeBytes += Buffer.byteLength(text);
      if (expected.length > 0 && (sizeBytes > this.maxBytes || expected.length >= this.maxCount))
        break;
      expected.push(text);
    }
    ensure(
      JSON.stringify(events.map(({ json }) => json)) === JSON.stringify(expected),
      'a read gives the oldest that fit, at least one',
      { queue: this.queue, maxBytes: this.maxBytes, maxCount: this.maxCount },
    );
  }
  toString = (): string => `read(${this.queue}, ${this.maxBytes}, ${this.maxCount})`;
}

class Acknowledge implements Command {
  constructor(
    private readonly queue: QueueName,
    private readonly share: number,
  ) {}
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    const events = await real.spool.read(this.queue, 0, Infinity);
    const count = Math.ceil(events.length * this.share);
    await real.spool.acknowledge(this.queue, events[count - 1]?.sequence ?? 0);
    model.owed[this.queue].splice(0, count);
    await settleModel(model, real);
  }
  toString = (): string => `acknowledge(${this.queue}, ${this.share})`;
}

class SetLimit implements Command {
  constructor(private readonly limitBytes: number) {}
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    model.limitBytes = this.limitBytes;
    await real.spool.setLimit(this.limitBytes);
    await settleModel(model, real);
  }
  toString = (): string => `setLimit(${this.limitBytes})`;
}

class Reopen implements Command {
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    await real.spool.close();
    await real.open(model.limitBytes);
    await settleModel(model, real);
  }
  toString = (): string => 'reopen';
}

/** The power goes while appends are under way: those may be there or not, the others must be. */
class PowerCut implements Command {
  constructor(
    private readonly queue: QueueName,
    private readonly sizes: readonly number[],
    private readonly turns: number,
    private readonly torn: number,
    /** By turns, which of the unsynced names reached the medium. */
    private readonly names: readonly boolean[],
  ) {}
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    for (const size of this.sizes) {
      const entry: Owed = { text: `${++real.written} ${'é'.repeat(size)}`, durable: false };
      model.owed[this.queue].push(entry);
      void real.spool.append(this.queue, entry.text).then((outcome) => {
        entry.durable = outcome === 'stored';
      });
    }
    for (let turn = 0; turn < this.turns; turn++) await Promise.resolve();
    const durableThen = model.owed[this.queue].map(({ durable }) => durable);
    let name = 0;
    real.files.powerCut(this.torn, () => this.names[name++ % this.names.length] === true);
    // The old life goes on computing, but nothing it does reaches the medium any more.
    const medium = real.files.fork();
    await real.spool.close();
    model.owed[this.queue].forEach((entry, index) => (entry.durable = durableThen[index] ?? false));
    real.files.adopt(medium);
    await real.open(model.limitBytes);
    await settleModel(model, real, 'crash');
  }
  toString = (): string =>
    `powerCut(${this.queue}, ${this.sizes.join(' ')}; ${this.turns}, ${this.torn}, ${this.names.join(' ')})`;
}

/** Calls fail now and then while events are appended and acknowledged, later they succeed again. */
class Refuse implements Command {
  constructor(
    private readonly queue: QueueName,
    private readonly sizes: readonly number[],
    private readonly operation: Operation,
    private readonly pattern: readonly boolean[],
  ) {}
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    let calls = 0;
    let refusing = true;
    real.files.fault = (operation) =>
      refusing &&
      operation === this.operation &&
      this.pattern[calls++ % this.pattern.length] === true
        ? 'ENOSPC'
        : undefined;
    for (const size of this.sizes) {
      const text = `${++real.written} ${'é'.repeat(size)}`;
      model.owed[this.queue].push({ text, durable: true });
      await real.spool.append(this.queue, text);
    }
    const { headSequence } = real.spool.stats()[this.queue];
    refusing = false;
    const [oldest] = await real.spool.read(this.queue, headSequence, Infinity, 1);
    refusing = true;
    if (oldest !== undefined) {
      await real.spool.acknowledge(this.queue, oldest.sequence);
      const owed = model.owed[this.queue];
      const acknowledged = owed.findIndex(({ text }) => text === oldest.json);
      const skipped = owed.splice(0, acknowledged + 1).slice(0, -1);
      // What was dropped before it was counted already.
      real.lost[this.queue] -= skipped.length;
    }
    real.files.fault = () => undefined;
    await real.clock.advance(120_000);
    await settleModel(model, real);
  }
  toString = (): string =>
    `refuse(${this.queue}, ${this.sizes.join(' ')}; ${this.operation} ${this.pattern.join(' ')})`;
}

/** Changes one byte of a closed segment, or cuts its end. */
class Damage implements Command {
  constructor(
    private readonly segment: number,
    private readonly place: number,
    private readonly cut: boolean,
  ) {}
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    await real.spool.close();
    const segments = real.files.segments();
    const path = segments[Math.floor(this.segment * segments.length)];
    const before = names.map((queue) => model.owed[queue].length);
    if (path !== undefined) {
      const content = real.files.content(path);
      const offset = Math.floor(this.place * content.length);
      if (this.cut) real.files.put(path, content.subarray(0, offset));
      else if (content.length > 0) real.files.flip(path, offset);
    }
    await real.open(model.limitBytes);
    await settleModel(model, real, this.cut ? 'cut' : 'crash');
    const lost = names.reduce(
      (sum, queue, index) => sum + (before[index] ?? 0) - model.owed[queue].length,
      0,
    );
    if (!this.cut) ensure(lost <= 1, 'a flipped byte costs one record at most', { path, lost });
  }
  toString = (): string => `damage(${this.segment}, ${this.place}, ${this.cut ? 'cut' : 'flip'})`;
}

const queue = fc.constantFrom(...names);
const sizes = fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 12 });
const share = fc.double({ min: 0, max: 0.999, noNaN: true });
const commands = [
  fc.tuple(queue, sizes).map((of) => new Append(...of)),
  fc.tuple(queue, sizes).map((of) => new Append(...of)),
  fc
    .tuple(queue, fc.integer({ min: 0, max: 4000 }), fc.integer({ min: 1, max: 5 }))
    .map((of) => new Read(...of)),
  fc.tuple(queue, share).map((of) => new Acknowledge(...of)),
  fc.integer({ min: 8192, max: 40_000 }).map((limit) => new SetLimit(limit)),
  fc.constant(new Reopen()),
  fc
    .tuple(
      queue,
      sizes,
      fc.integer({ min: 0, max: 60 }),
      fc.constantFrom(0, 0.3, 0.9, 1),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
    )
    .map((of) => new PowerCut(...of)),
  fc
    .tuple(
      queue,
      sizes,
      fc.constantFrom<Operation>('open', 'write', 'sync', 'syncDirectory', 'unlink'),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
    )
    .map((of) => new Refuse(...of)),
  fc.tuple(share, share, fc.boolean()).map((of) => new Damage(...of)),
];

describe('Spool against a model', () => {
  it(
    'whatever happens: order kept, nothing twice, nothing lost uncounted, limit held',
    { timeout: 60_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.commands(commands, { maxCommands: 60, size: '+1' }), async (list) => {
          const model: Model = { owed: { high: [], low: [], operational: [] }, limitBytes: 16_384 };
          const real = new Real();
          await real.open(model.limitBytes);
          await fc.asyncModelRun(() => ({ model, real }), list);
        }),
        { numRuns: Number(process.env['SPOOL_MODEL_RUNS'] ?? 60) },
      );
    },
  );
});
