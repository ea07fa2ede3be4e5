import { describe, expect, it } from 'vitest';
import { durationText, sizeText } from '../../../agent/status/duration-text.js';
import { judge } from '../../../agent/status/health.js';
import { prometheusText } from '../../../agent/status/metrics.js';
import type { TwinDialect } from '../../../config/twin-dialects.js';
import { statusText } from '../../../agent/status/text.js';
import { soundFacts } from '../../support/status-facts.js';

describe('the text', () => {
  it('tells a healthy agent in its first line, and everything else below', () => {
    expect(statusText(judge(soundFacts))).toBe(
      [
        'healthy',
        '',
        'Agent       version 0.1.0, pid 42, running for 1 d 1 h (since 2026-01-02T03:04:05.000Z), 78 MB of memory, 0.4 % of a processor',
        'Connection  connected for 1 h 1 min',
        'Twin        version 7',
        'Today       12 messages, 14 units of 4 KB',
        'Cache       high 0 events, low 12 events (4.1 KB, the oldest 3 min old), operational 1 event (300 bytes, the oldest 10 s old); 4.0 KB of 2.4 MB on disk',
        'History     120 events of the last 3 d; 80 KB of 4.0 MB on disk',
        'Detection   120 rules and 3 correlations in force; 2 alerts since the start, the last 2 min ago: A miner',
        '',
        'ListeningPorts  running, from snapshot, last run 1 min ago, took 0.012 s',
        'Login           off',
        'ProcessCreate   running, from audit-owner, failedConnects 3',
        '                Short-lived processes are missed.',
        '                lost: processGone 12 (2 in the last hour), kernelLost 5',
        'low: lost: spoolFull 3',
        '',
      ].join('\n'),
    );
  });

  it('begins with what is wrong, the worst first', () => {
    const text = statusText(
      judge({
        ...soundFacts,
        connection: {
          state: 'waiting',
          seconds: 20,
          disconnectedSeconds: 720,
          toleratedSeconds: 300,
          failure: 'Could not connect to the IoT Hub: nobody listens there.',
          retryInSeconds: 40,
        },
        spool: { ...soundFacts.spool, problem: 'ENOSPC: no space left on device' },
      }),
    );
    expect(text.split('\n').slice(0, 2)).toEqual([
      'degraded because the disk takes no events, which wait in memory: ENOSPC: no space left on device; make room, or mend the file system (and 1 more)',
      '  - there has been no connection to the hub for 12 min: Could not connect to the IoT Hub: nobody listens there',
    ]);
    expect(text).toContain('Connection  waiting, not connected for 12 min, next attempt in 40 s. ');
  });

  it('says how the twin says the settings, where that is not as the contract has it', () => {
    const line = (dialect: TwinDialect, desiredVersion = 7): string | undefined =>
      statusText(judge({ ...soundFacts, twin: { dialect, desiredVersion, problems: [] } }))
        .split('\n')
        .find((text) => text.startsWith('Twin'));
    expect(line('contract')).toBe('Twin        version 7');
    expect(line('microAgent')).toBe("Twin        version 7, with the micro agent's settings");
    expect(line('earlyContract')).toMatch(/before July 2019 \(azureiot.*move them to ms_iotn:/);
    expect(line('none')).toBe('Twin        version 7, which holds no settings: defaults apply');
    expect(line('none', 0)).toBe('Twin        never read yet: defaults apply');
  });

  it('says what the owner of the device has switched off', () => {
    const text = statusText(judge({ ...soundFacts, disabledByOwner: ['Login', 'LocalUsers'] }));
    expect(text).toContain(
      'Owner       has switched off Login, LocalUsers (disabledEvents in the local file)\n',
    );
  });

  it('says which rules of detection are not in force, and whether any are', () => {
    const { detection } = soundFacts;
    const line = (changes: Partial<typeof detection>): string =>
      statusText(judge({ ...soundFacts, detection: { ...detection, ...changes } }));
    expect(
      line({
        refused: 1,
        refusals: ['twin/a, line 3: Add title.'],
        disabled: 2,
        sources: { builtin: 9, local: 4, twin: 1 },
      }),
    ).toContain(
      'in force (4 of the device, 1 of the twin), 2 switched off, 1 refused (twin/a, line 3: Add title); ',
    );
    expect(line({ refused: 2, suspended: ['Slow one'] })).toContain(
      'in force, 2 refused, 1 suspended because they are slow (Slow one); 2 alerts',
    );
    expect(line({ state: 'off' })).toContain('no event is judged by rules (detectionEnabled');
    expect(line({ state: 'failed' })).toMatch(/^degraded because no event is judged by rules/);
  });

  it('cannot be forged by what a stranger named', () => {
    const [name, sound] = ['ProcessCreate', soundFacts.collectors['ProcessCreate']];
    if (sound === undefined) throw new Error('no collector');
    const limitation = 'a\nhealthy\u001b[2J';
    const text = statusText(
      judge({ ...soundFacts, collectors: { [name]: { ...sound, limitation } } }),
    );
    expect(text).not.toContain('\u001b');
    expect(text.split('\n').filter((line) => line === 'healthy')).toHaveLength(1);
  });
});

it.each([
  [0, '0 s'],
  [59.4, '59 s'],
  [60, '1 min'],
  [3_599, '59 min'],
  [3_660, '1 h 1 min'],
  [90_000, '1 d 1 h'],
])('%d s reads %s', (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});

it.each([
  [512, '512 bytes'],
  [4_200, '4.1 KB'],
  [81_788_928, '78 MB'],
])('%d bytes read %s', (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});

describe('the metrics', () => {
  const text = prometheusText(judge(soundFacts));

  it('are text of Prometheus: each family declared once, before its samples, with a name of the convention', () => {
    const declared = new Set<string>();
    let family = '';
    for (const line of text.trimEnd().split('\n')) {
      const help = /^# HELP (\S+) \S.*$/.exec(line)?.[1];
      const [, typed, type] = /^# TYPE (\S+) (gauge|counter)$/.exec(line) ?? [];
      if (help !== undefined) {
        expect(declared.has(help)).toBe(false);
        declared.add((family = help));
        expect(family).toMatch(/^iot_security_agent_[a-z_]+$/);
      } else if (typed !== undefined) {
        expect(typed).toBe(family);
        expect(type === 'counter').toBe(typed.endsWith('_total'));
      } else {
        expect(line).toMatch(/^[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?\d+(\.\d+)?$/);
        expect(line.replace(/[{ ].*/, '')).toBe(family);
      }
    }
  });

  it('tell the numbers of the status', () => {
    for (const line of [
      'iot_security_agent_health{state="healthy"} 1',
      'iot_security_agent_health{state="degraded"} 0',
      'iot_security_agent_resident_memory_bytes 81788928',
      'iot_security_agent_connection_state{state="connected"} 1',
      'iot_security_agent_spool_events{queue="low"} 12',
      'iot_security_agent_collector_state{collector="Login",state="off"} 1',
      'iot_security_agent_collector_losses_total{collector="ProcessCreate",cause="processGone"} 12',
      'iot_security_agent_losses_total{component="low",cause="spoolFull"} 3',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
  });
});
