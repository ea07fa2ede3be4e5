import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { HubLinkOptions } from '../../../agent/hub/hub-link.js';
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
  expect(uplink.takeStatistics()).toMatchObject({ messagesSent: 1 });
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
