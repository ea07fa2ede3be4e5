import { beforeEach, describe, expect, it } from 'vitest';
import { ReportedProperties } from '../../../agent/twin/reported.js';
import { fitStatus, twinSizeBytes, withinTwinLimits } from '../../../agent/twin/reported-limits.js';
import type { JsonObject } from '../../../base/json.js';
import { utcText } from '../../../base/timestamps.js';
import { silentLog } from '../../../base/log.js';
import { FakeClock, settle } from '../../support/fake-clock.js';

let clock: FakeClock;
let sent: JsonObject[];
let answers: { resolve: () => void; reject: (error: Error) => void }[];
let configuration: JsonObject;
let status: JsonObject;
let posture: JsonObject | undefined;
let microAgentState: JsonObject;
let spreadMs: number;
let reported: ReportedProperties;

beforeEach(() => {
  clock = new FakeClock();
  sent = [];
  answers = [];
  spreadMs = 0;
  configuration = { interval: { value: 'PT1H' } };
  microAgentState = {};
  posture = undefined;
  status = { agentVersion: '1', losses: { kernelLost: 0 } };
  reported = new ReportedProperties({
    send: (patch) => {
      sent.push(patch);
      return new Promise((resolve, reject) => answers.push({ resolve, reject }));
    },
    clock,
    random: () => 0,
    moments: {
      reportMs: (atLeastMs) => atLeastMs + spreadMs,
      nextMs: (_, periodMs) => periodMs - 1,
    },
    log: silentLog,
    objectName: 'settings',
    configuration: () => configuration,
    status: () => status,
    posture: () => posture,
    microAgentState: () => microAgentState,
  });
});

const acknowledge = async (): Promise<void> => {
  answers.at(-1)?.resolve();
  await settle();
};
const lastSeen = (): string => utcText(clock.wallMs());
const everything = (): JsonObject => ({
  settings: configuration,
  agentStatus: { ...status, lastSeen: lastSeen() },
});

describe('reported properties', () => {
  it('are not sent before it is known what the hub has', () => {
    reported.changed(true);
    expect(sent).toEqual([]);
  });

  it('are sent as far as they differ, with null for what ceased, and only within our two objects', async () => {
    reported.hubHas({
      settings: { interval: { value: 'PT2H' }, old: { value: 1 } },
      agentStatus: status,
      others: { mine: 1 },
      $version: 7,
    });
    await settle();
    const settings = { interval: { value: 'PT1H' }, old: null };
    expect(sent).toEqual([{ settings, agentStatus: { lastSeen: lastSeen() } }]);
    await acknowledge();
    reported.changed(true);
    expect(sent).toHaveLength(1);
  });

  it('one after the other: what changes meanwhile follows in one update', async () => {
    reported.hubHas({});
    configuration = { interval: { value: 'PT3H' } };
    reported.changed(true);
    configuration = { interval: { value: 'PT4H' } };
    reported.changed(true);
    expect(sent).toHaveLength(1);
    await acknowledge();
    expect(sent.slice(1)).toEqual([{ settings: { interval: { value: 'PT4H' } } }]);
  });

  it('are sent again until they are acknowledged, as they are then', async () => {
    reported.hubHas({});
    answers.at(-1)?.reject(new Error('429'));
    await settle();
    configuration = { interval: { value: 'PT5H' } };
    reported.changed(true);
    expect(sent).toHaveLength(1);
    await clock.advance(2_000);
    expect(sent.slice(1)).toEqual([everything()]);
    await acknowledge();
    await clock.advance(3_590_000);
    expect(sent).toHaveLength(2);
  });

  it('are compared anew after each read', async () => {
    reported.hubHas({});
    await acknowledge();
    reported.disconnected();
    status = { ...status, agentVersion: '2' };
    reported.changed(true);
    expect(sent).toHaveLength(1);
    reported.hubHas({ settings: configuration });
    expect(sent.slice(1)).toEqual([{ agentStatus: { ...status, lastSeen: lastSeen() } }]);
  });

  it('an answer that comes after another read changes nothing of what that read said', async () => {
    reported.hubHas({});
    reported.hubHas({});
    await acknowledge();
    expect(sent).toEqual([everything(), everything()]);
    await acknowledge();
    expect(sent).toHaveLength(2);
  });

  it('wait for the moment of the device where the fleet is spread, and go as they are then', async () => {
    spreadMs = 600_000;
    reported.hubHas({});
    await clock.advance(300_000);
    configuration = { interval: { value: 'PT3H' } };
    reported.changed(true);
    await clock.advance(299_999);
    expect(sent).toEqual([]);
    await clock.advance(1);
    expect(sent).toEqual([everything()]);
    answers.at(-1)?.reject(new Error('429'));
    await settle();
    await clock.advance(601_999);
    expect(sent).toHaveLength(1);
    await clock.advance(1);
    expect(sent).toHaveLength(2);
  });

  it('counters go every five minutes at most, anything urgent at once and with them', async () => {
    reported.hubHas({});
    await acknowledge();
    status = { agentVersion: '1', losses: { kernelLost: 5 } };
    reported.changed(false);
    await clock.advance(299_999);
    expect(sent).toHaveLength(1);
    await clock.advance(1);
    expect(sent[1]).toEqual({ agentStatus: { losses: { kernelLost: 5 }, lastSeen: lastSeen() } });
    await acknowledge();
    status = { agentVersion: '1', losses: { kernelLost: 6 }, source: 'polling' };
    reported.changed(true);
    expect(sent[2]).toEqual({ agentStatus: { losses: { kernelLost: 6 }, source: 'polling' } });
  });

  it('have a sign of life once an hour where nothing else changes, and none where something did', async () => {
    reported.hubHas({});
    await acknowledge();
    await clock.advance(3_599_998);
    expect(sent).toHaveLength(1);
    await clock.advance(1);
    expect(sent.slice(1)).toEqual([{ agentStatus: { lastSeen: lastSeen() } }]);
    await acknowledge();
    await clock.advance(3_000_000);
    status = { agentVersion: '2' };
    reported.changed(true);
    await acknowledge();
    expect(sent).toHaveLength(3);
    await clock.advance(3_000_000);
    expect(sent).toHaveLength(3);
    await clock.advance(1_200_000);
    expect(sent).toHaveLength(4);
    reported.disconnected();
    await clock.advance(7_200_000);
    expect(sent).toHaveLength(4);
  });

  it.each(['no time', 5, '2099-01-01T00:00:00.000Z', '2026-01-02T02:34:04.000Z'])(
    'replace a sign of life that says %s',
    async (before) => {
      reported.hubHas({});
      await acknowledge();
      reported.hubHas({ ...everything(), agentStatus: { ...status, lastSeen: before } });
      expect(sent.slice(1)).toEqual([{ agentStatus: { lastSeen: lastSeen() } }]);
    },
  );
});

describe('what is reported', () => {
  it('has the posture beside the rest, and of it only what changed', async () => {
    posture = { listeners: { anyAddressTcp: 1 }, firewall: { state: 'on' } };
    reported.hubHas({});
    await acknowledge();
    expect(sent).toEqual([{ ...everything(), securityPosture: posture }]);
    posture = { listeners: { anyAddressTcp: 2 } };
    reported.changed(true);
    expect(sent[1]).toEqual({
      securityPosture: { listeners: { anyAddressTcp: 2 }, firewall: null },
    });
  });

  it('has no arrays, no nulls, legal keys, and texts and numbers that any hub takes', () => {
    const made = withinTwinLimits({
      list: [1],
      nothing: null,
      'a.b $c': { 'd\u0000': 'x'.repeat(5000), n: 2 ** 60, nan: Number.NaN },
      umlaut: 'ü'.repeat(3000),
    });
    expect(Object.keys(made)).toEqual(['a_b__c', 'umlaut']);
    expect(made['a_b__c']).toEqual({ d_: 'x'.repeat(4095), n: 2 ** 52 - 1 });
    expect(made['umlaut']).toBe('ü'.repeat(2047));
  });

  it('ends at the depth that a twin may have', () => {
    let deep: JsonObject = { end: 1 };
    for (let level = 0; level < 30; level++) deep = { a: deep };
    expect(JSON.stringify(withinTwinLimits(deep)).split('{').length - 1).toBe(9);
  });

  it('loses the largest parts of the status before it is too large as a whole', () => {
    const large = { small: 1, large: 'x'.repeat(20_000), larger: 'y'.repeat(30_000) };
    expect(fitStatus({ small: 1 }, 1000)).toEqual({ small: 1 });
    const fitted = fitStatus(large, 1000);
    expect(fitted).toEqual({ small: 1, large: large.large, truncated: true });
    expect(twinSizeBytes(fitted)).toBeLessThan(24 * 1024);
    expect(fitStatus(large, 10_000)).toEqual({ small: 1, truncated: true });
  });
});
