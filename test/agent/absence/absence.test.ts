import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { absenceBetween, absencesWhileRunning } from '../../../agent/absence/absence.js';
import {
  absencePayload,
  absenceSentence,
  severityOf,
} from '../../../agent/absence/absence-text.js';
import { beatAsJson, laterBeat, parseBeat, type Beat } from '../../../agent/absence/moment.js';
import { parseServiceEnd } from '../../../agent/absence/traces.js';
import { parseJson, type JsonValue } from '../../../base/json.js';
import type { SentSignal } from '../../../collectors/kernel/audit/sent-signal.js';
import { checkPayload } from '../../../contract/payload-check.js';

const startMs = Date.parse('2026-01-02T03:04:05Z');
const before: Beat = {
  bootId: 'a',
  wallMs: startMs,
  sinceBootMs: 10_000,
  awakeMs: 10_000,
  pid: 50,
};
const later = (ms: number, bootId = 'a'): Beat => ({
  ...before,
  bootId,
  wallMs: startMs + ms,
  sinceBootMs: bootId === 'a' ? 10_000 + ms : 5_000,
});
const sent = (signal: number, afterMs: number, executable = '/usr/bin/kill'): SentSignal => ({
  timeMs: startMs + afterMs,
  signal,
  target: 50,
  by: { pid: 77, executable, uid: 0 },
});
const nameOf = (uid: number): string | undefined => (uid === 0 ? 'root' : undefined);

describe('an absence between two runs', () => {
  const now = later(60_000);
  it.each([
    [
      'an order',
      {
        before: { ...before, ended: 'asked' as const, signal: sent(15, 0, '/lib/systemd/systemd') },
      },
      'The agent was asked to stop with SIGTERM by /lib/systemd/systemd (process 77, user root). Nobody watched this device for 1 min, from 2026-01-02T03:04:05Z to 2026-01-02T03:05:05Z.',
    ],
    [
      'a kill, from the moment of the signal on',
      { signals: [sent(15, 1_000), sent(9, 20_000)] },
      'The agent was killed with SIGKILL by /usr/bin/kill (process 77, user root). Nobody watched this device for 40 s, from 2026-01-02T03:04:25Z to 2026-01-02T03:05:05Z.',
    ],
    [
      'a kill of what had been stopped',
      { signals: [sent(19, 1_000), sent(9, 20_000)] },
      'The agent was killed with SIGKILL by /usr/bin/kill (process 77, user root). It had been stopped with SIGSTOP by /usr/bin/kill (process 77, user root).',
    ],
    [
      'a kill that systemd alone knows of',
      { systemd: parseServiceEnd('signal killed KILL\n') },
      'The agent was killed with SIGKILL. Nobody',
    ],
    [
      'the watchdog',
      {
        systemd: parseServiceEnd('watchdog dumped ABRT\n'),
        signals: [sent(19, 0), sent(6, 9_000)],
      },
      'The watchdog of systemd ended the agent, which had not moved. It had been stopped with SIGSTOP by',
    ],
    [
      'want of memory',
      { systemd: parseServiceEnd('oom-kill killed KILL') },
      'because memory was short.',
    ],
    ['a defect', { before: { ...before, ended: 'crashed' as const } }, 'because of a defect'],
    ['nothing that is known', {}, 'and nothing tells why. Nobody watched this device for 1 min'],
    [
      'a shutdown',
      { before: { ...before, ended: 'asked' as const }, now: later(60_000, 'b') },
      'The device was shut down or restarted, and the agent stopped in order.',
    ],
    [
      'a power cut',
      { now: later(60_000, 'b') },
      'power was lost, or the system crashed or was reset.',
    ],
  ])('of %s says so', (_why, given, sentence) => {
    const absence = absenceBetween({ before, now, signals: [], ...given });
    expect(absenceSentence(absence, nameOf)).toContain(sentence);
    expect(checkPayload('StateChange', absencePayload(absence, nameOf))).toBeUndefined();
  });

  it('is measured by the clock that nobody sets, and by none where that is not possible', () => {
    const setBack = { ...now, wallMs: startMs - 3_600_000 };
    const killed = { before, signals: [sent(9, 20_000)] };
    expect(absenceBetween({ ...killed, now: setBack }).durationMs).toBe(60_000);
    const afterBoot = { ...later(0, 'b'), wallMs: startMs - 1 };
    const absence = absenceBetween({ before, now: afterBoot, signals: [] });
    expect(absence.durationMs).toBeUndefined();
    expect(absenceSentence(absence, nameOf)).toContain('is not known');
  });

  it('is a warning, unless it was asked for', () => {
    const asked = { ...before, ended: 'asked' as const };
    expect(severityOf(absenceBetween({ before: asked, now, signals: [] }))).toBe('Information');
    expect(severityOf(absenceBetween({ before, now, signals: [] }))).toBe('Warning');
  });

  it('names who did it in the change of state', () => {
    const absence = absenceBetween({ before, now, signals: [sent(9, 20_000)] });
    expect(absencePayload(absence, nameOf)).toEqual({
      Subject: 'Agent',
      Item: 'iot-security-agent',
      Change: 'Changed',
      Before: 'watching',
      After: 'not watching for 40 s: killed (SIGKILL)',
      ExtraDetails: {
        ProcessId: '77',
        Executable: '/usr/bin/kill',
        UserId: '0',
        UserName: 'root',
        WhileDown: 'true',
        NotBeforeUtc: '2026-01-02T03:04:25.000Z',
      },
    });
  });
});

describe('an absence of a run that goes on', () => {
  const moment = (awakeMs: number, sleptMs = 0): Beat => ({
    ...before,
    awakeMs: before.awakeMs + awakeMs,
    sinceBootMs: before.sinceBootMs + awakeMs + sleptMs,
    wallMs: before.wallMs + awakeMs + sleptMs,
  });
  const causes = (now: Beat, busyMs = 0): readonly unknown[] =>
    absencesWhileRunning(before, now, 5_000, busyMs).map(({ cause, durationMs }) => [
      cause,
      durationMs,
    ]);

  it('is a standstill where the clocks went on and the agent neither ran nor waited to', () => {
    expect(causes(moment(5_100))).toEqual([]);
    expect(causes(moment(20_000))).toEqual([['frozen', 15_000]]);
    expect(causes(moment(20_000), 14_000)).toEqual([]);
  });

  it('is sleep where one clock alone went on, and neither where the wall clock was set', () => {
    expect(causes(moment(5_000, 3_600_000))).toEqual([['slept', 3_600_000]]);
    expect(causes({ ...moment(5_000), wallMs: before.wallMs + 3_600_000 })).toEqual([]);
  });
});

describe('a sign of life', () => {
  it('is read as it was written, and anything else is none', () => {
    const beat: Beat = { ...before, ended: 'asked', signal: sent(15, 0) };
    expect(parseBeat(parseJson(JSON.stringify(beatAsJson(beat))))).toEqual(beat);
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(() => parseBeat(value as JsonValue)).not.toThrow();
      }),
      { numRuns: 50 },
    );
    expect(parseBeat({ ...beatAsJson(before), pid: -1 })).toBeUndefined();
    expect(parseBeat({ ...beatAsJson(before), wallMs: 1e300 })).toBeUndefined();
  });

  it('is the later of two, by the clock since the boot where that is the same', () => {
    const setBack = { ...later(1_000), wallMs: 5 };
    expect(laterBeat(before, setBack)).toBe(setBack);
    expect(laterBeat(setBack, before)).toBe(setBack);
    expect(laterBeat(undefined, before)).toBe(before);
    const ended: Beat = { ...before, ended: 'asked' };
    expect(laterBeat(before, ended)).toBe(ended);
    expect(laterBeat(ended, before)).toBe(ended);
  });
});
