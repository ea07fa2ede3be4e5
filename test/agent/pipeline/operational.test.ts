import { beforeEach, describe, expect, it } from 'vitest';
import { LossLedger } from '../../../agent/accounting/losses.js';
import type { MessageStatistics } from '../../../agent/accounting/message-statistics.js';
import { OperationalEvents } from '../../../agent/pipeline/operational.js';
import type { Pipeline } from '../../../agent/pipeline/pipeline.js';
import type { JsonObject } from '../../../base/json.js';
import { evaluateTwin } from '../../../config/evaluate-twin.js';
import { Settings } from '../../../config/settings.js';
import type { Payload } from '../../../contract/events.js';
import { FakeClock } from '../../support/fake-clock.js';
import { desired } from '../../support/running-agent.js';

const snapshotMs = 13 * 3_600_000;
let clock: FakeClock;
let told: { name: string; payloads: readonly Payload[] }[];

beforeEach(() => {
  clock = new FakeClock();
  told = [];
});

/** One run of the agent, as far as it counts and tells of itself. */
function run(memory: JsonObject = {}) {
  const losses = new LossLedger();
  const settings = new Settings(evaluateTwin({}, undefined));
  const collected = { high: 0, low: 0 };
  const sent: { -readonly [K in keyof MessageStatistics]: number } = {
    messagesSent: 0,
    messagesUnder4KB: 0,
    totalFailed: 0,
  };
  const events = new OperationalEvents({
    clock,
    losses,
    settings,
    pipeline: {
      tell: (name: string, payload: Payload) => void told.push({ name, payloads: [payload] }),
      tellStatistics: (name: string, payloads: readonly Payload[]) =>
        void told.push({ name, payloads }),
    } as unknown as Pipeline,
    collected: () => collected,
    sent: () => sent,
    onMemoryChange: () => undefined,
  });
  events.restore(memory);
  events.start();
  const desire = (version: number, values: Parameters<typeof desired>[0]): void =>
    settings.replace(evaluateTwin(desired(values), settings.current), version);
  return { collected, desire, events, losses, sent, settings };
}

const payloadsOf = (name: string) =>
  told.filter((event) => event.name === name).flatMap(({ payloads }) => payloads);

/** What a process that ends leaves for the next. */
const throughJson = (memory: JsonObject): JsonObject =>
  JSON.parse(JSON.stringify(memory)) as JsonObject;

describe('errors of the configuration', () => {
  const wrong = {
    maxMessageSizeInBytes: 10_000,
    maxLocalCacheSizeInBytes: 9_000,
    eventPriorityLogin: 'Sometimes',
  };

  it('are one payload for each problem, with its kind, the value in force and the version', () => {
    run().desire(7, wrong);
    expect(payloadsOf('ConfigurationError')).toMatchObject([
      {
        ConfigurationName: 'eventPriorityLogin',
        ErrorType: 'TypeMismatch',
        UsedConfiguration: 'High',
        ExtraDetails: { DesiredVersion: '7' },
      },
      { ConfigurationName: 'maxLocalCacheSizeInBytes', ErrorType: 'Conflict' },
      { ConfigurationName: 'maxMessageSizeInBytes', ErrorType: 'NotOptimal' },
    ]);
  });

  it('are told once for each version, also over a restart that knows the defaults first', () => {
    const first = run();
    first.desire(7, wrong);
    first.desire(7, wrong);
    const count = told.length;
    const second = run(throughJson(first.events.memory()));
    second.desire(7, wrong);
    expect(told).toHaveLength(count);
    second.desire(8, wrong);
    expect(told).toHaveLength(2 * count);
  });

  it('are not told again where only the value in force is another after a restart', () => {
    const first = run();
    first.desire(1, { maxMessageSizeInBytes: 8_192 });
    first.desire(2, { maxMessageSizeInBytes: 'large' });
    expect(payloadsOf('ConfigurationError')).toMatchObject([{ UsedConfiguration: '8192' }]);
    run(throughJson(first.events.memory())).desire(2, { maxMessageSizeInBytes: 'large' });
    expect(told).toHaveLength(1);
  });

  it('that a part finds later are told beside the others, once', () => {
    const finding = {
      key: 'detectionLevels',
      errorType: 'NotOptimal',
      reason: 'x',
      used: '',
    } as const;
    const first = run();
    first.desire(7, wrong);
    const count = told.length;
    first.settings.setFindings([finding]);
    first.settings.setFindings([{ ...finding }]);
    expect(told).toHaveLength(count + 1);
    expect(told.at(-1)?.payloads).toMatchObject([{ ConfigurationName: 'detectionLevels' }]);
    const second = run(throughJson(first.events.memory()));
    second.desire(7, wrong);
    second.settings.setFindings([finding]);
    expect(told).toHaveLength(count + 1);
  });

  it('are none where nothing is wrong', () => {
    run().desire(3, { snapshotFrequency: 'PT1H' });
    expect(told).toEqual([]);
  });
});

describe('the statistics', () => {
  it('come at the pace of the snapshots, each for what was since the last, with losses by their cause', async () => {
    const { collected, losses, sent } = run();
    collected.high = 5;
    collected.low = 7;
    losses.count('high', 'spoolFull', 2);
    losses.count('high', 'commandLineCut', 1);
    losses.count('ProcessCreate', 'kernelLost', 3);
    Object.assign(sent, { messagesSent: 4, messagesUnder4KB: 1, totalFailed: 2 });
    await clock.advance(snapshotMs);
    expect(payloadsOf('DroppedEventsStatistics')).toEqual([
      {
        Queue: 'High',
        CollectedEvents: 5,
        DroppedEvents: 2,
        ExtraDetails: { spoolFull: '2', commandLineCut: '1' },
      },
      {
        Queue: 'Low',
        CollectedEvents: 7,
        DroppedEvents: 0,
        ExtraDetails: { 'ProcessCreate.kernelLost': '3' },
      },
    ]);
    expect(payloadsOf('MessageStatistics')).toEqual([
      { MessagesSent: 4, MessagesUnder4KB: 1, TotalFailed: 2 },
    ]);
    told = [];
    collected.high = 6;
    await clock.advance(snapshotMs);
    expect(payloadsOf('DroppedEventsStatistics')).toMatchObject([
      { CollectedEvents: 1, DroppedEvents: 0, ExtraDetails: {} },
      { CollectedEvents: 0, DroppedEvents: 0, ExtraDetails: {} },
    ]);
    expect(payloadsOf('MessageStatistics')).toMatchObject([{ MessagesSent: 0 }]);
  });

  it('go on over restarts: what was counted, and when the next are due', async () => {
    let memory: JsonObject = {};
    for (let n = 0; n < 13; n++) {
      const { collected, events, losses, sent } = run(memory);
      // As the agent has the ledger restored.
      losses.count('high', 'spoolFull', n);
      collected.high = 10;
      collected.low = 1;
      losses.count('high', 'spoolFull', 1);
      Object.assign(sent, { messagesSent: 3, messagesUnder4KB: 2, totalFailed: 1 });
      await clock.advance(3_600_000 - 1);
      expect(told).toEqual([]);
      memory = throughJson(events.memory());
      events.stop();
    }
    run(memory).losses.count('high', 'spoolFull', 13);
    await clock.advance(13);
    expect(payloadsOf('DroppedEventsStatistics')).toMatchObject([
      { Queue: 'High', CollectedEvents: 130, DroppedEvents: 13 },
      { Queue: 'Low', CollectedEvents: 13, DroppedEvents: 0 },
    ]);
    expect(payloadsOf('MessageStatistics')).toEqual([
      { MessagesSent: 39, MessagesUnder4KB: 26, TotalFailed: 13 },
    ]);
  });

  it('begin anew where what was stored is damaged', async () => {
    const damaged = {
      untoldStatistics: { sent: { messagesSent: -5 }, elapsed: 'long', collected: null },
    };
    run(damaged);
    await clock.advance(snapshotMs);
    expect(payloadsOf('MessageStatistics')).toMatchObject([{ MessagesSent: 0 }]);
  });
});
