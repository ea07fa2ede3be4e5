import { beforeEach, describe, expect, it } from 'vitest';
import { LossLedger } from '../../../agent/accounting/losses.js';
import { Detection } from '../../../agent/detection/detection.js';
import { Alerts } from '../../../agent/pipeline/alerts.js';
import { OwnProcesses } from '../../../agent/pipeline/own-processes.js';
import { Pipeline } from '../../../agent/pipeline/pipeline.js';
import { createRedactor } from '../../../agent/pipeline/redaction/redactor.js';
import type { RawFacts } from '../../../collectors/interface/raw-facts.js';
import { evaluateTwin } from '../../../config/evaluate-twin.js';
import type { Payload, SnapshotName } from '../../../contract/events.js';
import { FakeClock } from '../../support/fake-clock.js';
import { recordingLog } from '../../support/recording-log.js';
import { desired } from '../../support/running-agent.js';
import { setOf } from '../../support/sigma.js';

const minuteMs = 60_000;
const rules = `
title: A miner by its name
id: miner
description: Somebody pays for it.
level: high
alert_type: IoT_CryptoMiner
tags: [attack.impact, attack.t1496]
logsource: { category: process_creation, product: linux }
detection: { s: { CommandLine|contains: [cpuminer, --password geheimnis] }, condition: s }
---
title: An applet of BusyBox
id: applet
level: low
logsource: { category: process_creation }
detection: { s: { Image|endswith: /tftp, ParentImage|endswith: /ash }, condition: s }
---
title: Somebody looks on
id: telling
level: informational
logsource: { product: linux, service: auditd }
detection: { s: { type: EXECVE, a1: cpuminer-multi }, condition: s }
---
title: A user without a password
id: empty
level: medium
logsource: { category: local_users }
detection: { s: { Password: empty }, condition: s }
---
title: A login that failed
id: failed
level: low
logsource: { category: login }
detection: { s: { Result: Fail }, condition: s }
`;

let clock: FakeClock;
let losses: LossLedger;
let told: { queue: string; name: string; payload: Payload }[];
let counted: Payload[];
let detection: Detection;
let alerts: Alerts;

beforeEach(() => {
  clock = new FakeClock();
  losses = new LossLedger();
  told = [];
  counted = [];
});

function newPipeline(settings: Parameters<typeof desired>[0] = {}): Pipeline {
  const outbox = {
    add: (queue: string, name: string, payload: Payload) =>
      void told.push({ queue, name, payload }),
    addSnapshot: (queue: string, name: string, payloads: readonly Payload[]) => {
      for (const payload of payloads) told.push({ queue, name, payload });
      return Promise.resolve();
    },
  };
  const set = setOf(rules);
  expect(set.refusals).toEqual([]);
  detection = new Detection({
    openRules: () =>
      Promise.resolve({
        current: set,
        onChange: () => () => undefined,
        summary: () => ({
          problem: undefined,
          sources: { builtin: 1, local: 0, twin: 0 },
          disabled: 0,
          refused: [],
        }),
        reported: () => ({}),
        close: () => undefined,
      }),
    isEnabled: () => true,
    log: recordingLog(),
    lose: (cause, count) => losses.count('detection', cause, count),
    warn: (sentence) => expect.unreachable(sentence),
    wallMs: () => clock.wallMs(),
  });
  alerts = new Alerts({ clock, outbox, losses });
  return new Pipeline({
    own: new OwnProcesses(10, () => undefined),
    redactor: createRedactor([]),
    maxCommandLineBytes: 256,
    aggregates: { add: (_, payload) => void counted.push(payload) },
    outbox,
    losses,
    settings: { current: evaluateTwin(desired(settings), undefined).settings },
    detection: { rules: detection, alerts },
  });
}

async function pipeline(...options: Parameters<typeof newPipeline>): Promise<Pipeline> {
  const made = newPipeline(...options);
  detection.start();
  await detection.settled();
  return made;
}

const start = (argv: readonly string[], raw?: RawFacts, pid = 20) => ({
  timeMs: clock.wallMs(),
  argv,
  ...(raw !== undefined && { raw: () => raw }),
  payload: {
    Executable: '/bin/busybox',
    ProcessId: pid,
    ParentProcessId: 1,
    UserId: '0',
    CommandLine: argv.join(' '),
    ExtraDetails: { ParentExecutable: '/bin/busybox' },
  },
});
const detailsOf = (one: { payload: Payload } | undefined) => one?.payload.ExtraDetails ?? {};

describe('an event that a rule is true of', () => {
  it('is told once, in the queue High, with what the rule says, and not in an aggregate', async () => {
    const made = await pipeline();
    made.observe('ProcessCreate', start(['sh', 'cpuminer-multi']));
    made.observe('ProcessCreate', start(['sh', 'miner']));
    expect(told).toEqual([
      {
        queue: 'high',
        name: 'ProcessCreate',
        payload: {
          ...start(['sh', 'cpuminer-multi']).payload,
          ExtraDetails: {
            ParentExecutable: '/bin/busybox',
            AlertType: 'IoT_CryptoMiner',
            AlertSeverity: 'High',
            AlertTitle: 'A miner by its name',
            AlertDescription: 'Somebody pays for it.',
            RuleId: 'miner',
            RuleLevel: 'high',
            RuleTags: 'attack.impact,attack.t1496',
            RuleSource: 'local',
            AlsoMatched: 'telling',
          },
        },
      },
    ]);
    expect(counted).toHaveLength(1);
    expect(detection.state()).toMatchObject({
      state: 'running',
      rules: 5,
      alerts: 1,
      lastAlert: { title: 'A miner by its name', timeMs: clock.wallMs() },
    });
  });

  it('is judged by what is masked and cut afterwards, and tells nothing of it', async () => {
    const made = await pipeline();
    made.observe('ProcessCreate', start(['x', '--password', 'geheimnis']));
    made.observe('ProcessCreate', start(['x', 'a'.repeat(1_000), 'cpuminer']));
    expect(told.map(({ queue }) => queue)).toEqual(['high', 'high']);
    const texts = JSON.stringify(told);
    expect(texts).not.toContain('geheimnis');
    expect(texts).not.toContain('cpuminer');
  });

  it('is judged by the names that no payload has', async () => {
    const made = await pipeline();
    made.observe('ProcessCreate', start(['tftp', '-g'], { executedPath: '/usr/bin/tftp' }));
    expect(told).toEqual([]);
    const raw = { executedPath: '/usr/bin/tftp', parentExecutedPath: '/bin/ash' };
    made.observe('ProcessCreate', start(['tftp', '-g'], raw));
    expect(told.map((one) => detailsOf(one)['RuleId'])).toEqual(['applet']);
    expect(detailsOf(told[0])['AlertType']).toBe('IoT_RuleMatched');
  });

  it('is told though its priority is Off, which others are not', async () => {
    const made = await pipeline({ eventPriorityProcessCreate: 'Off' });
    made.observe('ProcessCreate', start(['sh', '-c', 'echo cpuminer-multi']));
    made.observe('ProcessCreate', start(['sh']));
    expect(told.map(({ queue }) => queue)).toEqual(['high']);
    expect(counted).toEqual([]);
  });

  it('is none of the agent itself', async () => {
    const made = await pipeline();
    made.observe('ProcessCreate', start(['sh', 'cpuminer-multi'], {}, 10));
    expect(told).toEqual([]);
  });

  it('is counted as not judged while the rules are read, and told as ever', () => {
    const made = newPipeline();
    detection.start();
    made.observe('ProcessCreate', start(['sh', 'cpuminer-multi']));
    expect(told).toEqual([]);
    expect(counted).toHaveLength(1);
    expect(losses.of('detection')).toEqual({ notJudged: 1 });
  });
});

describe('equal alerts', () => {
  it('are told singly five times, then once with how many there were at the end of ten minutes', async () => {
    const made = await pipeline();
    for (let hit = 0; hit < 12; hit++) {
      made.observe('ProcessCreate', start(['cpuminer'], undefined, 20 + hit));
      await clock.advance(1_000);
    }
    made.observe('ProcessCreate', start(['cpuminer', 'another']));
    expect(told).toHaveLength(6);
    await clock.advance(10 * minuteMs);
    expect(told).toHaveLength(7);
    expect(told.at(-1)).toMatchObject({
      queue: 'high',
      payload: {
        CommandLine: 'cpuminer',
        ProcessId: 0,
        ExtraDetails: {
          AlertType: 'IoT_CryptoMiner',
          HitCount: '7',
          FirstSeenUtc: '2026-01-02T03:04:10.000Z',
          LastSeenUtc: '2026-01-02T03:04:16.000Z',
        },
      },
    });
    expect(clock.timers).toBe(0);
    made.observe('ProcessCreate', start(['cpuminer']));
    expect(detailsOf(told.at(-1))).not.toHaveProperty('HitCount');
    expect(counted).toEqual([]);
  });

  it('are told at the stop as far as they were counted', async () => {
    const made = await pipeline();
    for (let hit = 0; hit < 8; hit++)
      made.observe('Login', {
        timeMs: clock.wallMs(),
        payload: {
          ProcessId: 100 + hit,
          Executable: '/usr/sbin/sshd',
          Operation: 'ssh',
          Result: 'Fail',
          UserName: 'anna',
          RemotePort: String(50_000 + hit),
        },
      });
    expect(told).toHaveLength(5);
    alerts.stop();
    expect(told.map((one) => detailsOf(one)['HitCount'])).toEqual([
      ...Array<undefined>(5).fill(undefined),
      '3',
    ]);
    expect(clock.timers).toBe(0);
  });

  it('of a rule that is true of everything leave the rest what it is, and count it', async () => {
    const made = await pipeline();
    for (let hit = 0; hit < 60; hit++)
      made.observe('ProcessCreate', start(['cpuminer', String(hit)]));
    expect(told).toHaveLength(50);
    expect(counted).toHaveLength(10);
    expect(losses.of('ProcessCreate')).toEqual({ alertsOverRate: 10 });
  });
});

describe('a snapshot', () => {
  const user = (name: string, password: string): Payload<'LocalUsers'> => ({
    UserId: '1',
    UserName: name,
    GroupIds: '1',
    GroupNames: 'x',
    ExtraDetails: { Password: password },
  });
  const look = (made: Pipeline, ...payloads: readonly Payload<'LocalUsers'>[]): string[] => {
    told = [];
    made.snapshot('LocalUsers' satisfies SnapshotName, payloads, clock.wallMs());
    return told.map((one) => `${one.queue} ${detailsOf(one)['RuleId'] ?? '-'}`);
  };

  it('stays whole and marks what is an alert when it is first there, and when it comes again', async () => {
    const made = await pipeline({ eventPriorityLocalUsers: 'Low' });
    const [anna, bert] = [user('anna', 'set'), user('bert', 'empty')];
    expect(look(made, anna, bert)).toEqual(['high -', 'high empty']);
    expect(look(made, anna, bert)).toEqual(['low -', 'low -']);
    expect(look(made, anna)).toEqual(['low -']);
    expect(look(made, bert)).toEqual(['high empty']);
  });

  it('waits for the rules, so that what is wrong at the start is not left for the next one', async () => {
    const made = newPipeline();
    detection.start();
    expect(look(made, user('bert', 'empty'))).toEqual([]);
    await detection.settled();
    expect(told.map((one) => detailsOf(one)['RuleId'])).toEqual(['empty']);
    expect(losses.of('detection')).toEqual({});
  });

  it('that waits is told at a stop, and counted as not judged', async () => {
    const made = newPipeline();
    detection.start();
    look(made, user('bert', 'empty'));
    await detection.stop();
    expect(told).toHaveLength(1);
    expect(losses.of('detection')).toEqual({ notJudged: 1 });
  });
});
