import { beforeEach, describe, expect, it } from 'vitest';
import type { ModuleCredentials } from '../../../../agent/identity/credentials/credentials.js';
import { ModuleKeysOfDevice } from '../../../../agent/identity/modes/module-keys.js';
import { surroundingsOf } from '../../../../agent/identity/modes/surroundings.js';
import { FakeClock } from '../../../support/fake-clock.js';
import {
  httpsService,
  type Scripted,
  type ScriptedService,
} from '../../../support/https-service.js';

const keyOf = (text: string): string => Buffer.alloc(32, text).toString('base64');
const device = {
  hostName: 'hub.example',
  deviceId: 'device-1',
  moduleId: 'azureiotsecurity',
  gatewayHostName: undefined,
  proof: { kind: 'key', sharedAccessKey: keyOf('device') },
} as const;
const holding = (...[primaryKey, secondaryKey]: string[]): Scripted => ({
  body: {
    deviceId: device.deviceId,
    moduleId: device.moduleId,
    authentication: { type: 'sas', symmetricKey: { primaryKey, secondaryKey } },
  },
});

let clock: FakeClock;
let hub: ScriptedService;
let answer: Scripted;
let keys: ModuleKeysOfDevice;

beforeEach(async () => {
  clock = new FakeClock();
  answer = holding(keyOf('one'), keyOf('two'));
  hub = await httpsService(() => answer);
  keys = new ModuleKeysOfDevice({ ...surroundingsOf({}, 5_000), clock, random: () => 0 });
});

const current = (deviceId: string = device.deviceId): Promise<ModuleCredentials> =>
  keys.current({ ...device, deviceId, service: hub.service });
const keyIn = ({ proof }: ModuleCredentials): string =>
  proof.kind === 'key' ? proof.sharedAccessKey : '';

describe('the keys of a module that its device reads', () => {
  it('are read once, however often a connection is made', async () => {
    for (let time = 0; time < 5; time += 1) expect(keyIn(await current())).toBe(keyOf('one'));
    expect(hub.asked).toHaveLength(1);
    expect(await current()).toEqual({
      hostName: 'hub.example',
      deviceId: 'device-1',
      moduleId: 'azureiotsecurity',
      proof: { kind: 'key', sharedAccessKey: keyOf('one') },
      trustedCaPem: hub.service.trustedCaPem,
    });
  });

  it('are tried one after the other, and then read anew', async () => {
    const first = await current();
    expect(keys.refused(first)).toBe(true);
    const second = await current();
    expect(keyIn(second)).toBe(keyOf('two'));
    // Said of a key that is not in use any more, it means nothing.
    expect(keys.refused(first)).toBe(false);
    expect(keyIn(await current())).toBe(keyOf('two'));
    expect(keys.refused(second)).toBe(false);
    expect(hub.asked).toHaveLength(1);
    answer = holding(keyOf('three'), keyOf('four'));
    expect(keyIn(await current())).toBe(keyOf('three'));
    expect(hub.asked).toHaveLength(2);
  });

  it('that are refused though the registry gives them are told, and tried again before the next read', async () => {
    keys.refused(await current());
    keys.refused(await current());
    await expect(current()).rejects.toThrow(/disableModuleSAS.*\[Authentication \/ Unauthorized\]/);
    expect(keyIn(await current())).toBe(keyOf('one'));
    expect(hub.asked).toHaveLength(2);
  });

  it('are tried again when the registry cannot be read', async () => {
    keys.refused(await current());
    keys.refused(await current());
    answer = { status: 500 };
    await expect(current()).rejects.toThrow(/has trouble \(500\)/);
    expect(keyIn(await current())).toBe(keyOf('one'));
  });

  it('of another device are not used for this one', async () => {
    await current();
    await expect(current('device-2')).rejects.toThrow(/the answer is not the module/);
    expect(hub.asked).toHaveLength(2);
  });
});

describe('a registry that asks for fewer requests', () => {
  it('is left alone for a pause that grows, and for as long as it wants', async () => {
    answer = { status: 429 };
    const pausesMs: number[] = [];
    for (let time = 0; time < 4; time += 1) {
      await expect(current()).rejects.toThrow(/fewer requests/);
      const before = hub.asked.length;
      const startMs = clock.monotonicMs();
      while (hub.asked.length === before) {
        await clock.advance(1_000);
        await current().catch(() => undefined);
      }
      pausesMs.push(clock.monotonicMs() - startMs);
    }
    // Without jitter each pause is the shortest one.
    expect(pausesMs).toEqual([30_000, 30_000, 30_000, 30_000]);
    answer = { status: 429, headers: { 'retry-after': '600' } };
    await clock.advance(31_000);
    await expect(current()).rejects.toThrow();
    const before = hub.asked.length;
    await clock.advance(599_000);
    await expect(current()).rejects.toThrow();
    expect(hub.asked).toHaveLength(before);
    answer = holding(keyOf('one'));
    await clock.advance(2_000);
    expect(keyIn(await current())).toBe(keyOf('one'));
  });

  it('is asked less and less often by a fleet', async () => {
    answer = { status: 429 };
    const spread = new ModuleKeysOfDevice({
      ...surroundingsOf({}, 5_000),
      clock,
      random: () => 0.99,
    });
    const ask = () => spread.current({ ...device, service: hub.service }).catch(() => undefined);
    const times: number[] = [];
    for (let second = 0; second < 20_000; second += 60) {
      const before = hub.asked.length;
      await ask();
      if (hub.asked.length > before) times.push(second);
      await clock.advance(60_000);
    }
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(gaps.length).toBeGreaterThan(5);
    expect([...gaps].sort((a, b) => a - b)).toEqual(gaps);
    expect(gaps.at(-1)).toBeGreaterThan(2_400);
  });
});
