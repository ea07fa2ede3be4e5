import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../base/json.js';
import { LiveView } from '../../../local-hub/live-view/live-view.js';

class Shown {
  nowMs = 0;
  readonly view = new LiveView({ monotonicMs: () => this.nowMs });
  private version = 1;

  reported(reported: JsonObject): readonly string[] {
    return this.change('reported', { desired: {}, reported });
  }

  desired(settings: JsonObject): readonly string[] {
    return this.change('desired', { desired: { settings, $version: this.version }, reported: {} });
  }

  status(agentStatus: JsonObject): readonly string[] {
    return this.reported({ agentStatus, $version: this.version });
  }

  rest(): readonly string[] {
    return this.view.untoldLosses().map((line) => line.slice(10));
  }

  private change(
    section: 'desired' | 'reported',
    twin: { desired: JsonObject; reported: JsonObject },
  ): readonly string[] {
    const change = { deviceId: 'd', moduleId: 'm', section, version: (this.version += 1) };
    return this.view.twin(change, twin).map((line) => line.slice(10));
  }
}

describe('the live view of a twin', () => {
  const collector = { state: 'running', source: 'polling', limitation: 'no audit' };

  it('tells source, limitation and rejected keys once, until they change', () => {
    const shown = new Shown();
    const status = { collectors: { ProcessCreate: collector }, rejected: { key: 'not a number' } };
    expect(shown.status(status)).toEqual([
      '  collector      ProcessCreate running from polling. no audit',
      '  rejected       key: not a number',
    ]);
    expect(shown.status(status)).toEqual([]);
    const better = { state: 'running', source: 'audit-owner' };
    expect(shown.status({ ...status, collectors: { ProcessCreate: better } })).toEqual([
      '  collector      ProcessCreate running from audit-owner',
    ]);
  });

  it('tells the posture once it is known, until it changes', () => {
    const shown = new Shown();
    const posture = {
      baseline: {
        state: 'known',
        scorePercent: 60,
        failed: { Critical: { count: 2, ids: 'a, b' } },
      },
      listeners: { state: 'notKnown' },
      firewall: { state: 'off' },
    };
    const line = '  posture        baseline 60 % (failed: 2 Critical); firewall off';
    const tell = (securityPosture: JsonObject): readonly string[] =>
      shown.reported({ agentStatus: {}, securityPosture });
    expect(tell({ firewall: { state: 'notKnown' } })).toEqual([]);
    expect(tell(posture)).toEqual([line]);
    expect(tell(posture)).toEqual([]);
  });

  it('tells collectors that are off together', () => {
    const shown = new Shown();
    const off = { state: 'off' };
    expect(shown.status({ collectors: { Login: off, ProcessCreate: collector, B: off } })).toEqual([
      '  collector      ProcessCreate running from polling. no audit',
      '  collector      Login, B off',
    ]);
  });

  it('sums up what was lost, at most once a minute, and the rest at the end', () => {
    const shown = new Shown();
    const losing = (hashSkipped: number, spoolFull?: number): JsonObject => ({
      collectors: { ProcessCreate: { state: 'running', losses: { hashSkipped } } },
      losses: { low: spoolFull === undefined ? {} : { spoolFull } },
    });
    expect(shown.status(losing(7)).at(-1)).toBe(
      '  losses         lost or incomplete so far: ProcessCreate hashSkipped 7',
    );
    shown.nowMs = 30_000;
    expect(shown.status(losing(8))).toEqual([]);
    shown.nowMs = 60_000;
    expect(shown.status(losing(9, 3))).toEqual([
      '  losses         lost or incomplete so far: ProcessCreate hashSkipped 9, low spoolFull 3',
    ]);
    shown.nowMs = 200_000;
    expect(shown.status(losing(9, 3))).toEqual([]);
    expect(shown.rest()).toEqual([]);
    expect(shown.status(losing(10, 3))).toHaveLength(1);
    expect(shown.status(losing(11, 3))).toEqual([]);
    expect(shown.rest()).toEqual([
      '  losses         lost or incomplete so far: ProcessCreate hashSkipped 11',
    ]);
  });

  it('tells which settings changed, not that something did', () => {
    const shown = new Shown();
    const settings = {
      snapshotFrequency: { value: 'PT13H' },
      maxMessageSizeInBytes: { value: 8192 },
    };
    expect(shown.reported({ settings })).toEqual([]);
    expect(shown.reported({ settings })).toEqual([]);
    const changed = { snapshotFrequency: { value: 'PT1H\u001b' } };
    expect(shown.reported({ settings: changed })).toEqual([
      '  settings       in force: snapshotFrequency PT1H\\u{1b}, maxMessageSizeInBytes not set',
    ]);
    expect(shown.desired(changed)).toEqual([
      '  settings       desired: snapshotFrequency PT1H\\u{1b}',
    ]);
  });

  it('names a few of many', () => {
    const names = Array.from({ length: 9 }, (_, index) => [`s${index}`, { value: index }] as const);
    expect(new Shown().desired(Object.fromEntries(names))).toEqual([
      '  settings       desired: s0 0, s1 1, s2 2, s3 3, s4 4, s5 5, and 3 more',
    ]);
  });

  it('shows nothing of a status of another shape', () => {
    for (const agentStatus of [{}, { collectors: 'x', rejected: [1], losses: { a: { b: 'c' } } }]) {
      expect(new Shown().status(agentStatus as JsonObject)).toEqual([]);
    }
  });
});
