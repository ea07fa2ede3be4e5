import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { TwinSync } from '../../../agent/twin/twin-sync.js';
import { systemClock } from '../../../base/clock.js';
import type { JsonObject } from '../../../base/json.js';
import { silentLog } from '../../../base/log.js';
import { configurationObjectName as objectName } from '../../../config/twin-settings.js';
import { Bench, LinkProbe } from '../../support/hub-wire.js';
import { unspread } from '../../support/moments.js';

let directory: string;
let bench: Bench;
let credentials: ReturnType<Bench['credentials']>;
let probe: LinkProbe;
let sync: TwinSync;
let intervals: string[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'twin-wire-'));
  bench = await new Bench().start();
  credentials = bench.credentials(bench.hub.registerModule('device-1'));
  probe = new LinkProbe(() => Promise.resolve(credentials));
  intervals = [];
  sync = new TwinSync({
    link: probe.link,
    clock: systemClock,
    random: () => 0,
    moments: unspread,
    log: silentLog,
    stateDirectory: directory,
    objectName,
    disabledEvents: [],
    produces: () => true,
    onSettings: ({ settings }) => intervals.push(settings.aggregationIntervalProcessCreate.text),
    status: () => ({ desiredVersion: sync.desiredVersion }),
    posture: () => undefined,
  });
  await sync.start();
  probe.link.start();
});

afterEach(async () => {
  await sync.stop();
  await probe.link.stop();
  await bench.end();
  rmSync(directory, { recursive: true, force: true });
});

const patchTwin = (desired: JsonObject): void => bench.hub.patchDesired('device-1', desired);
const patch = (settings: JsonObject): void =>
  bench.hub.patchDesired('device-1', { [objectName]: settings });
const reported = async (key: string, value: string | number): Promise<JsonObject> => {
  const { reported: document } = await bench.hub.awaitTwin(
    'device-1',
    (twin) =>
      JSON.stringify((twin.reported[objectName] as JsonObject | undefined)?.[key]) ===
      JSON.stringify({ value }),
    10_000,
  );
  return document;
};

it('a change is in force and echoed as it was written, and the other keys stay as they were', async () => {
  await reported('aggregationIntervalProcessCreate', 'PT1H');
  patch({ aggregationIntervalProcessCreate: { value: 'PT90S' } });
  await reported('aggregationIntervalProcessCreate', 'PT90S');
  patch({ maxMessageSizeInBytes: { value: 16_384 } });
  const document = await reported('maxMessageSizeInBytes', 16_384);
  expect(document[objectName]).toMatchObject({
    aggregationIntervalProcessCreate: { value: 'PT90S' },
    highPriorityMessageFrequency: { value: 'PT7M' },
  });
  expect(document['agentStatus']).toMatchObject({ desiredVersion: 3 });
  expect(intervals.at(-1)).toBe('PT90S');
});

it('what was changed while the hub could not tell is read after the next connect', async () => {
  await reported('aggregationIntervalProcessCreate', 'PT1H');
  await bench.hub.stop();
  await bench.start();
  patch({ aggregationIntervalProcessCreate: { value: 'PT2M' } });
  await reported('aggregationIntervalProcessCreate', 'PT2M');
});

it('a module that was deleted and made anew begins with an empty twin, and is reported in full', async () => {
  patch({ aggregationIntervalProcessCreate: { value: 'PT2M' } });
  await reported('aggregationIntervalProcessCreate', 'PT2M');
  credentials = bench.credentials(await bench.hub.recreateModule('device-1'));
  const document = await reported('aggregationIntervalProcessCreate', 'PT1H');
  expect(document['agentStatus']).toMatchObject({ desiredVersion: 1 });
  expect(intervals.at(-1)).toBe('PT1H');
});

it("a fleet of the micro agent moves to the contract and back, with the hub's own account of it", async () => {
  await reported('aggregationIntervalProcessCreate', 'PT1H');
  patchTwin({ CollectorsCore_PriorityIntervals: '3,6,60', Login_Disabled: 'maybe' });
  const failed = await reported('snapshotFrequency', 'PT60M');
  expect(failed).toMatchObject({
    latest_state: 'failed',
    latest_invalid_fields: ['Login_Disabled'],
  });
  patchTwin({ Login_Disabled: true });
  expect(await reported('eventPriorityLogin', 'Off')).toMatchObject({
    latest_state: 'success',
    latest_invalid_fields: [],
  });
  // Without a hub for a while: the agent that starts now has the same in force.
  await sync.stop();
  await bench.hub.stop();
  await sync.start();
  expect(intervals.at(-1)).toBe('PT1H');
  await bench.start();
  patchTwin({
    CollectorsCore_PriorityIntervals: null,
    Login_Disabled: null,
    [objectName]: { snapshotFrequency: { value: 'PT3H' } },
  });
  const moved = await reported('snapshotFrequency', 'PT3H');
  expect(moved).not.toHaveProperty('latest_state');
  expect(moved).not.toHaveProperty('latest_invalid_fields');
  expect(moved[objectName]).toMatchObject({ eventPriorityLogin: { value: 'High' } });
  patchTwin({ [objectName]: null, Process_Disabled: true });
  expect(await reported('eventPriorityProcessCreate', 'Off')).toMatchObject({
    latest_state: 'success',
    [objectName]: { snapshotFrequency: { value: 'PT1440M' } },
  });
});
