import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { largestEventBytes, unitsOf } from '../../../agent/hub/message-size.js';
import { applicationProperties, systemProperties } from '../../../agent/hub/message.js';
import type { QueueName, StoredEvent } from '../../../agent/spool/spool.js';
import { buildBatch, type BatchOptions } from '../../../agent/uplink/batch.js';
import { twinSettings } from '../../../config/twin-settings.js';
import { messageSizeBytes } from '../../../local-hub/hub/property-bag.js';
import { idsOf } from '../../support/scripted-link.js';

const options: BatchOptions = {
  envelope: {
    agentVersion: '0.1.0',
    agentId: '5f8d9e0c-3c1b-4a6e-9f27-0d2b6c1a7e43',
    hubResourceId: '',
    securityMarker: true,
  },
  priority: 'High',
  limitBytes: 8192,
  fillWhole: false,
};

const event = (queue: QueueName, sequence: number, sizeBytes = 100, filler = 'x'): StoredEvent => {
  const start = JSON.stringify({ Id: `${queue}-${sequence}`, f: '' }).slice(0, -2);
  const room = sizeBytes - start.length - 2;
  const repeated = filler.repeat(Math.max(0, Math.floor(room / Buffer.byteLength(filler))));
  const json = `${start}${repeated}"}`;
  return {
    queue,
    sequence,
    json,
    sizeBytes: Buffer.byteLength(json),
    storedWallMs: sequence * 1000,
  };
};
const some = (
  queue: QueueName,
  count: number,
  sizeBytes?: number,
  filler?: string,
): StoredEvent[] =>
  Array.from({ length: count }, (_, index) => event(queue, index + 1, sizeBytes, filler));
const ids = (batch: ReturnType<typeof buildBatch>): string[] =>
  batch.message === undefined ? [] : idsOf(batch.message);

describe('a batch', () => {
  it('has room for its largest event beside the longest property that a twin can ask for', () => {
    const setting = twinSettings.hubResourceId.format;
    const hubResourceId = '&'.repeat(setting.maxLength);
    expect(hubResourceId).toMatch(new RegExp(setting.pattern, 'u'));
    const limitBytes = twinSettings.maxMessageSizeInBytes.minimum;
    const largest = event('high', 1, largestEventBytes(limitBytes));
    const batch = buildBatch(
      { operational: [], main: [largest], filling: [] },
      { ...options, limitBytes, envelope: { ...options.envelope, hubResourceId } },
    );
    expect(batch.sizeBytes).toBeLessThanOrEqual(limitBytes);
  });

  it('holds operational events first, then those that are due, then the others', () => {
    const batch = buildBatch(
      { operational: some('operational', 2), main: some('high', 2), filling: some('low', 1) },
      options,
    );
    expect(ids(batch)).toEqual(['operational-1', 'operational-2', 'high-1', 'high-2', 'low-1']);
    expect(batch.through).toEqual({ operational: 2, high: 2, low: 1 });
  });

  it('is an envelope of the contract', () => {
    const { message } = buildBatch(
      { operational: [], main: some('high', 1), filling: [] },
      options,
    );
    expect(JSON.parse(message?.body ?? '')).toEqual({
      AgentVersion: '0.1.0',
      AgentId: options.envelope.agentId,
      MessageSchemaVersion: '1.0',
      Events: [JSON.parse(event('high', 1).json)],
    });
    expect(message).toMatchObject({
      priority: 'High',
      creationTimeUtc: '1970-01-01T00:00:01.000Z',
    });
  });

  it('is filled only up to the end of the unit that is begun', () => {
    const batch = buildBatch(
      { operational: [], main: some('high', 1, 3000), filling: some('low', 100, 200) },
      options,
    );
    expect(unitsOf(batch.sizeBytes)).toBe(1);
    expect(batch.sizeBytes).toBeGreaterThan(4096 - 201);
    const whole = buildBatch(
      { operational: [], main: some('high', 1, 3000), filling: some('low', 100, 200) },
      { ...options, fillWhole: true },
    );
    expect(whole.sizeBytes).toBeGreaterThan(8192 - 201);
  });

  it('is not filled when nothing is due', () => {
    const batch = buildBatch({ operational: [], main: [], filling: some('low', 3) }, options);
    expect(batch.message).toBeUndefined();
    expect(batch.through).toEqual({});
  });

  it('passes over an event that is too large for any message of the hub', () => {
    const main = [event('high', 1, 262_144), event('high', 2), event('high', 3, 300_000)];
    const batch = buildBatch({ operational: [], main, filling: [] }, options);
    expect(ids(batch)).toEqual(['high-2']);
    expect(batch.tooLarge.map(({ sequence }) => sequence)).toEqual([1, 3]);
    expect(batch.through).toEqual({ high: 3 });
    const alone = buildBatch({ operational: [], main: main.slice(0, 1), filling: [] }, options);
    expect(alone).toMatchObject({ message: undefined, through: { high: 1 } });
  });

  it('is of one event that was stored when messages might be larger, rather than to lose it', () => {
    const main = [event('high', 1, 9000), event('high', 2), event('high', 3, 9000)];
    const batch = (from: number): ReturnType<typeof buildBatch> =>
      buildBatch({ operational: [], main: main.slice(from), filling: some('low', 1) }, options);
    expect([0, 1, 2].map((from) => ids(batch(from)))).toEqual([['high-1'], ['high-2'], ['high-3']]);
  });

  it('has the same id for the same events, and another for others', () => {
    const build = (count: number): string | undefined =>
      buildBatch({ operational: [], main: some('high', count), filling: [] }, options).message
        ?.messageId;
    expect(build(2)).toBe(build(2));
    expect(build(2)).not.toBe(build(3));
    expect(build(2)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('is never larger than allowed, counted as the hub counts, and keeps the order of each queue', () => {
    const events = (queue: QueueName): fc.Arbitrary<StoredEvent[]> =>
      fc
        .array(fc.tuple(fc.integer({ min: 40, max: 9000 }), fc.constantFrom('x', 'ü', '你')), {
          maxLength: 12,
        })
        .map((sizes) =>
          sizes.map(([size, filler], index) => event(queue, index + 1, size, filler)),
        );
    fc.assert(
      fc.property(
        fc.record({
          operational: events('operational'),
          main: events('high'),
          filling: events('low'),
        }),
        fc.integer({ min: 8192, max: 300_000 }),
        fc.boolean(),
        fc.constantFrom('', '/subscriptions/ü&= '),
        (candidates, limitBytes, fillWhole, hubResourceId) => {
          const envelope = { ...options.envelope, hubResourceId };
          const batch = buildBatch(candidates, { ...options, envelope, limitBytes, fillWhole });
          const { message } = batch;
          if (message !== undefined) {
            const counted = messageSizeBytes(Buffer.byteLength(message.body), {
              system: systemProperties(message),
              application: applicationProperties(message),
            });
            expect(counted).toBeLessThanOrEqual(batch.sizeBytes);
            const allowedBytes = batch.eventCount === 1 ? 262_144 : Math.min(limitBytes, 262_144);
            expect(batch.sizeBytes).toBeLessThanOrEqual(allowedBytes);
          }
          const gone = new Set([
            ...ids(batch),
            ...batch.tooLarge.map(({ queue, sequence }) => `${queue}-${sequence}`),
          ]);
          for (const queue of ['operational', 'high', 'low'] as const) {
            const through = batch.through[queue] ?? 0;
            for (let sequence = 1; sequence <= through; sequence++) {
              expect(gone.has(`${queue}-${sequence}`)).toBe(true);
            }
            const mine = ids(batch).filter((id) => id.startsWith(queue));
            const numbers = mine.map((id) => Number(id.split('-')[1]));
            expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
          }
        },
      ),
    );
  });
});
