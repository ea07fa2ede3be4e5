import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { HubLinkOptions } from '../../../agent/hub/hub-link.js';
import {
  largestEventBytes,
  largestMessageBytes,
  largestSnapshotBytes,
} from '../../../agent/hub/message-size.js';
import { LossLedger } from '../../../agent/accounting/losses.js';
import { Outbox } from '../../../agent/pipeline/outbox.js';
import { Spool, type QueueName } from '../../../agent/spool/spool.js';
import { Uplink } from '../../../agent/uplink/uplink.js';
import { systemClock } from '../../../base/clock.js';
import { silentLog } from '../../../base/log.js';
import { Bench, LinkProbe } from '../../support/hub-wire.js';
import { unspread } from '../../support/moments.js';

let directory: string;
let bench: Bench;
let probe: LinkProbe;
let spool: Spool;
let uplink: Uplink;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'uplink-wire-'));
  bench = await new Bench().start();
  spool = await openSpool();
});

afterEach(async () => {
  await uplink.stop();
  await probe.link.stop();
  await spool.close();
  await bench.end();
  rmSync(directory, { recursive: true, force: true });
});

const openSpool = (): Promise<Spool> =>
  Spool.open({
    directory: join(directory, 'spool'),
    limitBytes: 4_000_000,
    clock: systemClock,
    lose: (cause) => expect.unreachable(cause),
  });

const start = async (
  options: Partial<HubLinkOptions> = {},
  messagesInFlight = 1,
): Promise<void> => {
  const credentials = bench.credentials(bench.hub.registerModule('device-1'));
  probe = new LinkProbe(() => Promise.resolve(credentials), options);
  const duration = (ms: number) => ({ text: `PT${ms / 1000}S`, ms });
  uplink = new Uplink({
    spool,
    link: probe.link,
    settings: {
      current: {
        highPriorityMessageFrequency: duration(100),
        lowPriorityMessageFrequency: duration(250),
        maxMessageSizeInBytes: 8192,
        hubResourceId: '',
      },
      onChange: () => () => undefined,
    },
    local: { messagesInFlight, maxUnitsPerDay: 0, securityMarker: true, stateDirectory: directory },
    clock: systemClock,
    random: () => 0,
    moments: unspread,
    log: silentLog,
    corrected: (event) => event,
    lose: (cause) => expect.unreachable(cause),
    onLowDelayed: () => undefined,
    agentVersion: '0.1.0',
    agentId: '5f8d9e0c-3c1b-4a6e-9f27-0d2b6c1a7e43',
  });
  await uplink.start();
  probe.link.start();
  await probe.until('the twin', () => probe.twins.length === 1);
};

/** @returns the id of the event */
const store = async (queue: QueueName): Promise<string> => {
  const now = new Date().toISOString();
  const id = randomUUID();
  const event = {
    Id: id,
    TimestampLocal: now,
    TimestampUTC: now,
    Category: 'Triggered',
    Name: 'ProcessCreate',
    EventType: 'Security',
    IsEmpty: false,
    PayloadSchemaVersion: '1.0',
    Payload: [
      {
        Executable: '/usr/bin/ls',
        ProcessId: 7,
        ParentProcessId: 1,
        UserId: '0',
        CommandLine: `ls ${'x'.repeat(500)}`,
      },
    ],
  };
  await spool.append(queue, JSON.stringify(event));
  return id;
};

/** So many rules of a firewall, as a snapshot of them; the low queue has other events before and after it. */
const storeRules = async (count: number): Promise<void> => {
  const outbox = new Outbox({
    spool,
    clock: systemClock,
    losses: new LossLedger(),
    maxEventBytes: () => largestEventBytes(8192),
    maxSnapshotBytes: () => largestSnapshotBytes(8192, 4_000_000),
    aggregatedCategory: 'Triggered',
    markTime: () => undefined,
  });
  const rules = Array.from({ length: count }, (_, n) => ({
    Priority: n,
    Direction: 'In' as const,
    ChainName: 'input',
    Enabled: true,
    Action: 'Allow' as const,
    SourceAddress: `10.0.${n >> 8}.${n & 255}`,
    Protocol: 'tcp',
  }));
  await store('low');
  await outbox.addSnapshot('low', 'FirewallConfiguration', rules, Date.now());
  await outbox.flush();
  await store('low');
};

interface Snapshot {
  readonly Id: string;
  readonly Name: string;
  readonly TimestampUTC: string;
  readonly Payload: readonly { Priority: number; ExtraDetails?: Record<string, string> }[];
}

const snapshots = (): Snapshot[] =>
  bench.hub.messages
    .flatMap(({ json }) => (json as { Events: Snapshot[] }).Events)
    .filter(({ Name }) => Name === 'FirewallConfiguration');

const arrivals = (): string[] =>
  bench.hub.messages.flatMap(({ json }) =>
    (json as { Events: { Id: string }[] }).Events.map(({ Id }) => Id),
  );
const empty = (): boolean => Object.values(spool.stats()).every(({ events }) => events === 0);

it('what arrives is a valid security message, no larger than it was counted', async () => {
  await start();
  const ids = [await store('high'), await store('low')];
  await probe.until('both', () => empty());
  expect(arrivals().sort()).toEqual([...ids].sort());
  for (const message of bench.hub.messages) expect(message.problems).toEqual([]);
  expect(bench.hub.messages[0]?.systemProperties['$.ifid']).toBe(
    'urn:azureiot:Security:SecurityAgent:1',
  );
});

it('a snapshot of 1,500 rules is one event in one message of its own, larger than the setting', async () => {
  await start();
  await storeRules(1_500);
  await probe.until('everything', () => empty());
  expect(snapshots().map(({ Payload }) => Payload.length)).toEqual([1_500]);
  const sizes = bench.hub.messages.map(({ body }) => body.length);
  expect(Math.max(...sizes)).toBeGreaterThan(150_000);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(largestMessageBytes);
  for (const { json, problems } of bench.hub.messages) {
    expect(problems).toEqual([]);
    const { Events } = json as { Events: Snapshot[] };
    if (Events.some(({ Name }) => Name === 'FirewallConfiguration')) expect(Events).toHaveLength(1);
  }
});

it('one of 5,000 rules is as few events as the hub allows, which together are all of it', async () => {
  await start();
  await storeRules(5_000);
  await probe.until('everything', () => empty());
  const parts = snapshots();
  expect(parts).toHaveLength(4);
  expect(new Set(parts.map(({ Id }) => Id)).size).toBe(4);
  expect(new Set(parts.map(({ TimestampUTC }) => TimestampUTC)).size).toBe(1);
  expect(parts.flatMap(({ Payload }) => Payload.map(({ Priority }) => Priority))).toEqual(
    Array.from({ length: 5_000 }, (_, n) => n),
  );
  for (const [index, { Payload }] of parts.entries())
    for (const { ExtraDetails } of Payload)
      expect(ExtraDetails).toEqual({ Part: String(index + 1), Parts: '4' });
  for (const { body, problems } of bench.hub.messages) {
    expect(problems).toEqual([]);
    expect(body.length).toBeLessThanOrEqual(largestMessageBytes);
  }
});

it('a message that is not acknowledged arrives again with the same events and the same id', async () => {
  await start({ requestTimeoutMs: 500 });
  bench.hub.faults.withholdAcknowledgements = true;
  const id = await store('high');
  await probe.until('the first arrival', () => arrivals().length > 0);
  bench.hub.faults.withholdAcknowledgements = false;
  expect(empty()).toBe(false);
  await probe.until('the acknowledgement', () => empty());
  const copies = bench.hub.messages;
  expect(copies.length).toBeGreaterThan(1);
  expect(new Set(arrivals())).toEqual(new Set([id]));
  expect(new Set(copies.map(({ systemProperties }) => systemProperties['$.mid'])).size).toBe(1);
  expect(uplink.sent()).toMatchObject({ messagesSent: 1 });
});

it.each([1, 4])(
  'a hub that restarts in mid-stream loses nothing, and the order of each queue is kept with %d in flight',
  async (messagesInFlight) => {
    await start({}, messagesInFlight);
    const stored: Record<'high' | 'low', string[]> = { high: [], low: [] };
    const seen: string[] = [];
    const ending = new AbortController();
    const storing = (async () => {
      while (!ending.signal.aborted) {
        for (const queue of ['high', 'low'] as const) stored[queue].push(await store(queue));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    for (let restart = 0; restart < 2; restart++) {
      await probe.until('some messages', () => bench.hub.messages.length > 5);
      await bench.hub.stop();
      seen.push(...arrivals());
      await bench.start();
    }
    await probe.until('more messages', () => bench.hub.messages.length > 5);
    ending.abort();
    await storing;
    await probe.until('the rest', () => empty());
    const first = [...new Set([...seen, ...arrivals()])];
    for (const queue of ['high', 'low'] as const) {
      const mine = new Set(stored[queue]);
      expect(first.filter((id) => mine.has(id))).toEqual(stored[queue]);
    }
  },
);

it('the final send leaves nothing behind', async () => {
  await start();
  const ids = await Promise.all(
    Array.from({ length: 50 }, (_, index) => store(index % 2 ? 'low' : 'high')),
  );
  await uplink.flush(5000);
  expect(arrivals().sort()).toEqual(ids.sort());
  expect(empty()).toBe(true);
});
