import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { ModuleCredentials } from '../../../../agent/identity/credentials/credentials.js';
import { dpsSource } from '../../../../agent/identity/modes/dps.js';
import { surroundingsOf } from '../../../../agent/identity/modes/surroundings.js';
import type { LocalSettings } from '../../../../config/local-settings.js';
import { parseLocalSettings } from '../../../../config/parse-local-settings.js';
import { FakeClock } from '../../../support/fake-clock.js';
import {
  httpsService,
  type Scripted,
  type ScriptedService,
} from '../../../support/https-service.js';

const keyOf = (text: string): string => Buffer.alloc(32, text).toString('base64');

let directory: string;
let clock: FakeClock;
let dps: ScriptedService;
let hub: ScriptedService;
let assignment: Scripted;
let module: (deviceId: string) => Scripted;
let settings: LocalSettings;

const assignedTo = (assignedHub: string): Scripted => ({
  body: { status: 'assigned', assignedHub, deviceId: 'device-1' },
});
const withKeys = (deviceId: string, key = 'one'): Scripted => ({
  body: {
    deviceId,
    moduleId: 'azureiotsecurity',
    authentication: { type: 'sas', symmetricKey: { primaryKey: keyOf(key) } },
  },
});

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'dps-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  clock = new FakeClock();
  assignment = assignedTo('one.example');
  module = withKeys;
  dps = await httpsService(() => assignment);
  hub = await httpsService(({ path }) => module(path.split('/')[2] ?? ''));
  const keyFile = join(directory, 'enrolment.key');
  writeFileSync(keyFile, `${keyOf('enrolment')}\n`, { mode: 0o600 });
  const trustedCaFile = join(directory, 'ca.pem');
  // Both services have authorities of their own.
  const pems = [dps, hub].map(({ service }) => service.trustedCaPem ?? '');
  writeFileSync(trustedCaFile, pems.join('\n'), { mode: 0o644 });
  const text = {
    identity: {
      mode: 'dps',
      keyFile,
      restEndpoint: `localhost:${hub.service.port}`,
      dps: {
        endpoint: `localhost:${dps.service.port}`,
        idScope: '0neSCOPE',
        registrationId: 'gateway-17',
      },
    },
    trustedCaFile,
    stateDirectory: directory,
  };
  const parsed = parseLocalSettings(JSON.stringify(text), 'agent.json');
  if (!('settings' in parsed)) throw new Error(JSON.stringify(parsed));
  settings = parsed.settings;
});

const started = () => dpsSource(settings, { ...surroundingsOf({}, 5_000), clock, random: () => 0 });
const hostOf = ({ hostName }: ModuleCredentials): string => hostName;
const minutes = (count: number): number => count * 60_000;

describe('the provisioning service', () => {
  it('is asked once, and the next start needs the hub alone', async () => {
    const source = started();
    expect(await source.check()).toBe('0neSCOPE/gateway-17');
    expect(await source.current()).toMatchObject({
      hostName: 'one.example',
      deviceId: 'device-1',
      moduleId: 'azureiotsecurity',
      proof: { kind: 'key', sharedAccessKey: keyOf('one') },
    });
    await source.current();
    assignment = { status: 503 };
    expect(hostOf(await started().current())).toBe('one.example');
    expect(dps.asked).toHaveLength(1);
    const kept = readFileSync(join(directory, 'dps-assignment.json'), 'utf8');
    for (const key of ['enrolment', 'one']) expect(kept).not.toContain(keyOf(key));
  });

  it.each([
    ['of another registration', { registrationId: 'gateway-18' }],
    ['whose hub no hub can be called', { hostName: 'no host' }],
  ])('is asked where what is kept is that %s', async (_name, change) => {
    await started().current();
    const path = join(directory, 'dps-assignment.json');
    const kept = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...kept, ...change }));
    await started().current();
    expect(dps.asked).toHaveLength(2);
  });

  it('is asked where what is kept cannot be read', async () => {
    writeFileSync(join(directory, 'dps-assignment.json'), '{"cut');
    expect(hostOf(await started().current())).toBe('one.example');
  });

  it('that has assigned nothing is told, with the setting that registers', async () => {
    assignment = { status: 404 };
    await expect(started().current()).rejects.toThrow(
      /gateway-17 is assigned to none under the ID scope 0neSCOPE; .*identity\.dps\.register/,
    );
    expect(dps.asked.every(({ method }) => method === 'POST')).toBe(true);
  });
});

describe('a hub that knows the device no more', () => {
  it('has another one looked for after minutes, which is then kept', async () => {
    const source = started();
    await source.current();
    module = () => ({ status: 404 });
    source.refused(await source.current());
    await expect(source.current()).rejects.toThrow(/Not Found/);
    assignment = assignedTo('two.example');
    await clock.advance(minutes(4));
    // Its keys may be taken again meanwhile.
    expect(hostOf(await source.current())).toBe('one.example');
    expect(dps.asked).toHaveLength(1);
    await clock.advance(minutes(2));
    module = (deviceId) => withKeys(deviceId, 'two');
    expect(await source.current()).toMatchObject({
      hostName: 'two.example',
      proof: { sharedAccessKey: keyOf('two') },
    });
    expect(hostOf(await started().current())).toBe('two.example');
    expect(dps.asked).toHaveLength(2);
  });

  it('is tried again and again where the service names no other, which is asked ever less', async () => {
    const source = dpsSource(settings, { ...surroundingsOf({}, 5_000), clock, random: () => 0.99 });
    module = () => ({ status: 404 });
    const times: number[] = [];
    for (let minute = 0; minute < 24 * 60; minute += 30) {
      const before = dps.asked.length;
      await source.current().catch(() => undefined);
      if (dps.asked.length > before) times.push(minute);
      await clock.advance(minutes(30));
    }
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(gaps.slice(0, 2)).toEqual([30, 30]);
    expect(gaps.length).toBeLessThan(12);
    expect(gaps.at(-1)).toBeGreaterThan(240);
    expect(hub.asked).toHaveLength(48);
  });

  it('is tried though the service cannot be asked', async () => {
    const source = started();
    source.unreachable?.(await source.current());
    assignment = { status: 500 };
    await clock.advance(minutes(10));
    expect(hostOf(await source.current())).toBe('one.example');
    expect(dps.asked).toHaveLength(2);
  });
});
