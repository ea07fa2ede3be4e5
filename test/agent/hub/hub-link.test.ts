import { beforeEach, describe, expect, it } from 'vitest';
import type { Moments } from '../../../agent/fleet/fleet-moments.js';
import { HubError, type FailureKind } from '../../../agent/hub/failure.js';
import { HubLink } from '../../../agent/hub/hub-link.js';
import { ServiceError } from '../../../agent/identity/services/service-error.js';
import type { ModuleCredentials } from '../../../agent/identity/credentials/credentials.js';
import type { JsonObject } from '../../../base/json.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { unspread } from '../../support/moments.js';
import { recordingLog } from '../../support/recording-log.js';
import { sourceOf } from '../../support/credential-source.js';
import { ScriptedClient } from '../../support/scripted-client.js';

const credentials: ModuleCredentials = {
  hostName: 'h',
  deviceId: 'd',
  moduleId: 'm',
  proof: { kind: 'key', sharedAccessKey: 'a2V5' },
};
const message = {
  body: '{}',
  messageId: '1',
  priority: 'High',
  creationTimeUtc: '2026-01-02T03:04:05.000Z',
  securityMarker: true,
} as const;
const twin = (version: number): unknown => ({
  desired: { $version: version },
  reported: { $version: 1 },
});
const dropped = new HubError('dropped', 'gone');

let clock: FakeClock;
let clients: ScriptedClient[];
let log: ReturnType<typeof recordingLog>;
let heard: string[];
let reads: number;
let given: () => Promise<ModuleCredentials>;
let refusals: number;
let otherKey: boolean;
let searches: number;
let compared: unknown[];
let corrected: boolean;
let link: HubLink;
let spread: Moments;

beforeEach(() => {
  clock = new FakeClock();
  clients = [];
  log = recordingLog();
  heard = [];
  reads = 0;
  given = () => Promise.resolve(credentials);
  refusals = 0;
  otherKey = false;
  searches = 0;
  compared = [];
  spread = unspread;
  corrected = false;
  link = new HubLink({
    source: {
      current: () => {
        reads += 1;
        return given();
      },
      check: () => Promise.resolve(undefined),
      refused: () => {
        refusals += 1;
        return otherKey;
      },
      unreachable: () => void (searches += 1),
    },
    createClient: (received, events) => {
      const client = new ScriptedClient(received, events);
      clients.push(client);
      return client;
    },
    clock,
    random: () => 0,
    moments: {
      connectMs: (ms) => spread.connectMs(ms),
      reconnectMs: (ms) => spread.reconnectMs(ms),
      firstReadMs: () => spread.firstReadMs(),
      readMs: (ms) => spread.readMs(ms),
    },
    log,
    requestTimeoutMs: 30_000,
    compareTime: (hub) => {
      compared.push(hub);
      return Promise.resolve(corrected);
    },
  });
  link.listen({
    onTwin: ({ desired }) => heard.push(`twin ${Number(desired['$version'])}`),
    onDesiredPatch: (patch) => heard.push(`patch ${Number(patch['$version'])}`),
    onState: ({ name }) => heard.push(name),
  });
});

const client = (): ScriptedClient => {
  const last = clients.at(-1);
  if (last === undefined) throw new Error('no client was made');
  return last;
};
const connect = async (): Promise<void> => {
  await settle();
  client().last('open').resolve();
  await settle();
};
const connectWithTwin = async (version = 1): Promise<void> => {
  await connect();
  client().last('readTwin').resolve(twin(version));
  await settle();
};
const lose = async (failure = dropped): Promise<void> => {
  const lost = client();
  lost.events.disconnected(failure);
  await settle();
  lost.last('close').resolve();
  await settle();
};
const warnings = (): string[] =>
  log.lines.filter(({ level }) => level === 'warn').map(({ message: text }) => text);

describe('one client is one life', () => {
  it('a new one is made after a loss, and what the former still says is ignored', async () => {
    link.start();
    await connectWithTwin(1);
    const former = client();
    await lose();
    await clock.advance(1000);
    await connectWithTwin(2);
    former.events.desiredPatch({ $version: 9 });
    former.events.disconnected(dropped);
    await settle();
    expect(clients).toHaveLength(2);
    expect(link.connected).toBe(true);
    expect(heard).toEqual([
      'connecting',
      'connected',
      'twin 1',
      'closing',
      'waiting',
      'connecting',
      'connected',
      'twin 2',
    ]);
  });

  it('no second client is made before the first is closed', async () => {
    link.start();
    await connectWithTwin();
    client().events.disconnected(dropped);
    await clock.advance(999);
    expect(clients).toHaveLength(1);
    expect(client().abandoned).toBe(false);
    await clock.advance(1);
    expect(client().abandoned).toBe(true);
    await clock.advance(1_000);
    expect(clients).toHaveLength(2);
  });

  it('stop closes it and ends the attempts', async () => {
    link.start();
    await connectWithTwin();
    const stopped = link.stop();
    await settle();
    client().last('close').resolve();
    await stopped;
    await clock.advance(3_600_000);
    expect(clients).toHaveLength(1);
    expect(link.state.name).toBe('stopped');
    expect(clock.timers).toBe(0);
  });

  it('stop also ends a pause', async () => {
    link.start();
    await settle();
    client().last('open').reject(new HubError('network', 'no'));
    await settle();
    client().last('close').resolve();
    await settle();
    expect(link.state.name).toBe('waiting');
    await link.stop();
    expect(clock.timers).toBe(0);
  });
});

describe('in a fleet that is spread', () => {
  beforeEach(() => {
    spread = {
      ...unspread,
      connectMs: (ms) => ms + 60_000,
      firstReadMs: () => 90_000,
      readMs: (ms) => ms + 120_000,
    };
  });

  it('the first attempt and the first read wait for the moments of the device', async () => {
    link.start();
    await clock.advance(59_999);
    expect(clients).toHaveLength(0);
    expect(link.state).toEqual({ name: 'starting', connectInMs: 60_000 });
    await clock.advance(1);
    await connect();
    client().events.desiredPatch({ $version: 2 });
    await clock.advance(89_999);
    expect(client().calls.readTwin).toHaveLength(0);
    await clock.advance(1);
    expect(client().calls.readTwin).toHaveLength(1);
    expect(heard).toContain('patch 2');
  });

  it('a stop does not wait for the first moment', async () => {
    link.start();
    await settle();
    await link.stop();
    expect(clients).toHaveLength(0);
    expect(clock.timers).toBe(0);
  });

  it('a new token does not have the twin read at once', async () => {
    link.start();
    await clock.advance(60_000);
    await connect();
    await clock.advance(90_000);
    client().last('readTwin').resolve(twin(1));
    await settle();
    client().events.renewed();
    await clock.advance(119_999);
    expect(client().calls.readTwin).toHaveLength(1);
    await clock.advance(1);
    expect(client().calls.readTwin).toHaveLength(2);
  });
});

describe('any doubt ends the life', () => {
  it.each(['open', 'readTwin'] as const)('%s without an answer', async (method) => {
    link.start();
    await settle();
    if (method === 'readTwin') await connect();
    expect(client().calls[method]).toHaveLength(1);
    await clock.advance(30_000);
    client().last('close').resolve();
    await clock.advance(1_000);
    expect(clients).toHaveLength(2);
    expect(warnings()).toEqual([expect.stringContaining('within 30 s')]);
  });

  it('a message without an acknowledgement', async () => {
    link.start();
    await connectWithTwin();
    const sent = expect(link.send(message)).rejects.toMatchObject({ kind: 'timeout' });
    await clock.advance(30_000);
    await sent;
    expect(link.connected).toBe(false);
  });

  it('every other call that waits fails with it, at once', async () => {
    link.start();
    await connectWithTwin();
    const sent = expect(link.send(message)).rejects.toMatchObject({ kind: 'dropped' });
    const reported = expect(link.report({ a: 1 })).rejects.toMatchObject({ kind: 'dropped' });
    await lose();
    await Promise.all([sent, reported]);
  });

  it('but a refusal leaves the connection as it is', async () => {
    link.start();
    await connectWithTwin();
    const reported = expect(link.report({})).rejects.toMatchObject({ kind: 'refused' });
    client().last('report').reject(new HubError('refused', 'no'));
    await reported;
    expect(link.connected).toBe(true);
  });

  it('nothing is handed to the client while there is no connection', async () => {
    await expect(link.send(message)).rejects.toMatchObject({ kind: 'network' });
    link.start();
    await settle();
    await expect(link.report({})).rejects.toMatchObject({ kind: 'network' });
    expect(client().calls.report).toHaveLength(0);
  });
});

describe('the twin', () => {
  const patch = (version: number): JsonObject => ({ $version: version });

  it('is read after every connect, and changes that come meanwhile are handed on after it', async () => {
    link.start();
    await connect();
    client().events.desiredPatch(patch(6));
    expect(heard).not.toContain('patch 6');
    client().last('readTwin').resolve(twin(5));
    await settle();
    client().events.desiredPatch(patch(7));
    expect(heard.slice(-3)).toEqual(['twin 5', 'patch 6', 'patch 7']);
  });

  it('is read again on demand and after a renewal, once at a time', async () => {
    link.start();
    await connectWithTwin();
    client().events.renewed();
    link.readTwin();
    link.readTwin();
    await settle();
    expect(client().calls.readTwin).toHaveLength(2);
    client().last('readTwin').resolve(twin(2));
    await settle();
    expect(client().calls.readTwin).toHaveLength(3);
    client().last('readTwin').resolve(twin(3));
    await settle();
    expect(client().calls.readTwin).toHaveLength(3);
  });

  it('is asked for later when the hub asks for fewer requests', async () => {
    link.start();
    await connect();
    client().last('readTwin').reject(new HubError('throttled', 'slow down'));
    await settle();
    expect(link.connected).toBe(true);
    await clock.advance(4_999);
    expect(client().calls.readTwin).toHaveLength(1);
    await clock.advance(1);
    expect(client().calls.readTwin).toHaveLength(2);
  });

  it('is read again when more changes came than are held back', async () => {
    link.start();
    await connect();
    for (let version = 2; version < 100; version++) client().events.desiredPatch(patch(version));
    client().last('readTwin').resolve(twin(1));
    await settle();
    expect(heard.filter((line) => line.startsWith('patch'))).toHaveLength(64);
    expect(client().calls.readTwin).toHaveLength(2);
  });

  it('is read again when something came that cannot be used', async () => {
    link.start();
    await connectWithTwin();
    client().events.unusable('nonsense');
    await settle();
    expect(client().calls.readTwin).toHaveLength(2);
    expect(warnings()).toEqual([expect.stringContaining('nonsense')]);
  });
});

describe('the pauses', () => {
  const refuse = async (kind: 'network' | 'authorisation' | 'tls'): Promise<number> => {
    await settle();
    client().last('open').reject(new HubError(kind, kind));
    await settle();
    client().last('close').resolve();
    await settle();
    const { state } = link;
    if (state.name !== 'waiting') throw new Error(state.name);
    return state.retryInMs;
  };

  it('after a refused credential are long, and the credentials are read again', async () => {
    link.start();
    expect(await refuse('authorisation')).toBe(60_000);
    await clock.advance(59_999);
    expect(reads).toBe(1);
    await clock.advance(1);
    expect(reads).toBe(2);
    expect(await refuse('network')).toBe(1_000);
  });

  it('are short when the refusal is explained by a clock whose error is known now', async () => {
    link.start();
    corrected = true;
    expect(await refuse('authorisation')).toBe(1_000);
    await clock.advance(1_000);
    corrected = false;
    expect(await refuse('authorisation')).toBe(60_000);
  });

  it('end when the clock is set that a certificate was refused by', async () => {
    link.start();
    await refuse('tls');
    await clock.advance(1_000);
    await refuse('tls');
    link.clockSet();
    await settle();
    expect(clients).toHaveLength(3);
    expect(link.state.name).toBe('connecting');
  });

  it('are not made shorter by a connection that did not last', async () => {
    link = new HubLink({
      source: sourceOf(() => Promise.resolve(credentials)),
      createClient: (given, events) => {
        const made = new ScriptedClient(given, events);
        clients.push(made);
        return made;
      },
      clock,
      random: () => 1,
      moments: unspread,
      log,
      requestTimeoutMs: 30_000,
      compareTime: () => Promise.resolve(corrected),
    });
    link.start();
    const pauses: number[] = [];
    for (const lifeMs of [1_000, 59_999, 60_000]) {
      await connectWithTwin();
      await clock.advance(lifeMs);
      await lose();
      const { state } = link;
      if (state.name !== 'waiting') throw new Error(state.name);
      pauses.push(state.retryInMs);
      await clock.advance(state.retryInMs);
    }
    expect(pauses).toEqual([1_600, 2_560, 1_600]);
  });

  it('are a quarter of an hour when another client has the same identity', async () => {
    link.start();
    for (let life = 0; life < 5; life++) {
      await connectWithTwin();
      await lose();
      if (life < 4) await clock.advance(1_000);
    }
    expect(link.state).toMatchObject({ name: 'waiting', retryInMs: 11.25 * 60_000 });
    expect(warnings().filter((text) => text.includes('same identity'))).toHaveLength(1);
    await clock.advance(11.25 * 60_000 - 1);
    expect(clients).toHaveLength(5);
    await clock.advance(1);
    expect(clients).toHaveLength(6);
  });

  it('are warned of once per outage and kind of failure', async () => {
    link.start();
    await connectWithTwin();
    await lose();
    for (let attempt = 0; attempt < 5; attempt++) {
      await clock.advance(1_000);
      await refuse('network');
    }
    expect(warnings()).toEqual(['gone', 'network']);
    expect(log.lines.filter(({ level }) => level === 'debug')).toHaveLength(4);
    await clock.advance(1_000);
    await connectWithTwin();
    await clock.advance(60_000);
    await lose();
    expect(warnings()).toEqual(['gone', 'network', 'gone']);
  });

  it('are warned of once while no connection lasts, whatever ends it', async () => {
    link.start();
    for (let life = 0; life < 3; life++) {
      await connectWithTwin();
      const sent = link.send(message).catch(() => undefined);
      await clock.advance(30_000);
      await sent;
      client().last('close').resolve();
      await clock.advance(1_000);
    }
    expect(warnings()).toEqual([expect.stringContaining('acknowledge a security message')]);
    expect(log.messages('info')).toEqual(['Connected to the IoT Hub.']);
  });
});

describe('the source of the credentials', () => {
  const refuse = async (kind: FailureKind): Promise<void> => {
    await settle();
    client().last('open').reject(new HubError(kind, kind));
    await settle();
    client().last('close').resolve();
    await settle();
  };
  const next = async (): Promise<void> => {
    const { state } = link;
    await clock.advance(state.name === 'waiting' ? state.retryInMs : 0);
  };

  it('learns that the hub refused them, but not where a wrong clock is the reason', async () => {
    link.start();
    await refuse('authorisation');
    expect(refusals).toBe(1);
    corrected = true;
    await next();
    await refuse('authorisation');
    await next();
    await refuse('network');
    expect(refusals).toBe(1);
  });

  it('tries another key that is at hand at once, and the last one after a long pause', async () => {
    otherKey = true;
    link.start();
    await refuse('authorisation');
    expect(link.state).toMatchObject({ name: 'waiting', retryInMs: 1_000 });
    otherKey = false;
    await next();
    await refuse('authorisation');
    expect(link.state).toMatchObject({ name: 'waiting', retryInMs: 60_000 });
  });

  it('that a service refuses is told besides the refusal of the hub, and each of them once', async () => {
    link.start();
    for (let round = 0; round < 2; round += 1) {
      given = () => Promise.resolve(credentials);
      await refuse('authorisation');
      const why = `Could not read the module: the device is gone (${round}).`;
      given = () => Promise.reject(new ServiceError('authorisation', why));
      await next();
      await settle();
      await next();
    }
    expect(warnings()).toEqual([
      'authorisation',
      'Could not read the module: the device is gone (0).',
    ]);
  });

  it('that are waited for do not hold a stop', async () => {
    given = () => new Promise<never>(() => undefined);
    link.start();
    await settle();
    await link.stop();
    expect(link.state).toEqual({ name: 'stopped' });
  });

  it('learns that for long nobody answers, each time after twice as long', async () => {
    link.start();
    const startMs = clock.monotonicMs();
    const minutes: number[] = [];
    while (clock.monotonicMs() - startMs < 80 * 60_000) {
      const before = searches;
      await refuse('network');
      if (searches > before) minutes.push((clock.monotonicMs() - startMs) / 60_000);
      await next();
    }
    expect(minutes).toHaveLength(3);
    expect(minutes[0]).toBeGreaterThanOrEqual(10);
    expect((minutes[1] ?? 0) - (minutes[0] ?? 0)).toBeGreaterThanOrEqual(20);
    expect((minutes[2] ?? 0) - (minutes[1] ?? 0)).toBeGreaterThanOrEqual(40);
  });

  it('may need a service, whose refusal is one of its own kind, with a clock to compare', async () => {
    const asked = { hostName: 'rest.example' };
    given = () =>
      Promise.reject(new ServiceError('authorisation', 'The service says no.', undefined, asked));
    link.start();
    await settle();
    expect(link.state).toMatchObject({
      failure: { kind: 'authorisation', message: 'The service says no.' },
      retryInMs: 60_000,
    });
    expect(compared).toEqual([asked]);
    given = () => Promise.reject(new ServiceError('throttled', 'Later.'));
    await next();
    await settle();
    expect(link.state).toMatchObject({ failure: { kind: 'throttled' } });
    expect(refusals).toBe(0);
  });
});

it('a credential that cannot be read is a long pause, not an end', async () => {
  const failing = new HubLink({
    source: sourceOf(() => Promise.reject(new Error('The key file /k is missing.'))),
    createClient: () => {
      throw new Error('not reached');
    },
    clock,
    random: () => 0,
    moments: unspread,
    log,
    requestTimeoutMs: 30_000,
    compareTime: () => Promise.resolve(corrected),
  });
  failing.start();
  await settle();
  expect(failing.state).toMatchObject({ failure: { kind: 'credentials' }, retryInMs: 60_000 });
  expect(warnings()).toEqual(['The key file /k is missing.']);
});
