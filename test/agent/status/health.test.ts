import { describe, expect, it } from 'vitest';
import {
  problemCodes,
  readStatusDocument,
  type StatusFacts,
} from '../../../agent/status/document.js';
import { judge } from '../../../agent/status/health.js';
import { lossCauses } from '../../../base/loss.js';
import { soundFacts } from '../../support/status-facts.js';

const collector = (changes: Partial<StatusFacts['collectors'][string]>): StatusFacts => ({
  ...soundFacts,
  collectors: {
    ...soundFacts.collectors,
    Login: { state: 'running', counters: {}, losses: {}, ...changes },
  },
});
const connection = (changes: Partial<StatusFacts['connection']>): StatusFacts => ({
  ...soundFacts,
  connection: { ...soundFacts.connection, state: 'waiting', ...changes },
});
const twin = (errorType: 'TypeMismatch' | 'NotOptimal'): StatusFacts => ({
  ...soundFacts,
  twin: {
    desiredVersion: 7,
    dialect: 'contract',
    problems: [{ key: 'eventPriorityLogin', errorType, reason: 'is "Hi".', used: 'Low' }],
  },
});
const unacknowledged = (changes: Partial<StatusFacts['delivery']>): StatusFacts => ({
  ...soundFacts,
  delivery: { ...soundFacts.delivery, ...changes },
});
const certificate = (days: number): StatusFacts => ({
  ...soundFacts,
  certificate: { validToUtc: '2026-02-01T00:00:00.000Z', secondsLeft: days * 86_400 },
});
const starting = { ...soundFacts, agent: { ...soundFacts.agent, ready: false } };
const silent = { ...soundFacts, agent: { ...soundFacts.agent, logProblem: 'broken pipe' } };
const fullDisk = { ...soundFacts, spool: { ...soundFacts.spool, problem: 'ENOSPC' } };

describe('an agent is healthy', () => {
  it.each<[string, StatusFacts]>([
    ['when nothing is wrong, also with limitations and old losses', soundFacts],
    [
      'while it has been without a connection for a tolerated time',
      connection({ disconnectedSeconds: 300 }),
    ],
    [
      'when the network failed twice in the middle of a message',
      unacknowledged({ failedInARow: 2, failure: 'The connection was reset.' }),
    ],
    ['while a message waits for its acknowledgement', unacknowledged({ waitingSeconds: 120 })],
    [
      'when nothing waits for the hub any more',
      {
        ...unacknowledged({ failedInARow: 9 }),
        spool: { ...soundFacts.spool, queues: { high: { events: 0, bytes: 0 } } },
      },
    ],
    ['with a certificate for a week and more', certificate(7.5)],
    ['with a collector that is Off', collector({ state: 'off' })],
    ['with a value of the twin that was clamped', twin('NotOptimal')],
    ['with losses of every day', collector({ losses: { hashSkipped: { total: 4, lastHour: 4 } } })],
  ])('%s', (_, facts) => {
    expect(judge(facts)).toMatchObject({ health: 'healthy', problems: [] });
  });
});

describe('an agent is degraded, and says why,', () => {
  const cases: readonly [string, StatusFacts, RegExp][] = [
    ['starting', starting, /starting/],
    ['log', silent, /its log cannot be written: broken pipe; restart the agent/],
    [
      'disconnected',
      connection({ disconnectedSeconds: 720, failure: 'Could not connect: refused.' }),
      /no connection to the hub for 12 min: Could not connect: refused$/,
    ],
    [
      'unacknowledged',
      unacknowledged({ failedInARow: 3, failure: 'The connection was lost.' }),
      /the hub acknowledged none of the last 3 attempts to send: The connection was lost$/,
    ],
    [
      'unacknowledged',
      unacknowledged({ waitingSeconds: 181 }),
      /the hub has acknowledged no message for 3 min$/,
    ],
    [
      'collector',
      collector({ state: 'failing', limitation: 'no room.' }),
      /Login is failing: no room$/,
    ],
    [
      'collector',
      collector({ state: 'unavailable', limitation: 'no right.' }),
      /Login is unavailable/,
    ],
    [
      'blinded',
      collector({ losses: { blindSeconds: { total: 9, lastHour: 9 } } }),
      /Login was blinded for 9 s/,
    ],
    [
      'loss',
      collector({ losses: { kernelLost: { total: 9, lastHour: 4 } } }),
      /Login lost 4 × kernelLost/,
    ],
    [
      'loss',
      { ...soundFacts, losses: { high: { spoolFull: { total: 1, lastHour: 1 } } } },
      /high lost 1 × spoolFull/,
    ],
    [
      'certificate',
      certificate(6.5),
      /its certificate expires in 6 d 12 h, on 2026-02-01T.*; replace the file/,
    ],
    ['certificate', certificate(-1), /its certificate has expired on 2026-02-01T/],
    ['rejected', twin('TypeMismatch'), /eventPriorityLogin was rejected: is "Hi"$/],
    ['disk', fullDisk, /ENOSPC/],
    [
      'detection',
      { ...soundFacts, detection: { ...soundFacts.detection, state: 'failed' } },
      /no event is judged by rules of detection/,
    ],
  ];

  it.each(cases)('%s', (code, facts, sentence) => {
    const { health, problems } = judge(facts);
    expect(health).toBe('degraded');
    expect(problems.map((problem) => problem.code)).toEqual([code]);
    expect(problems[0]?.sentence).toMatch(sentence);
  });

  it('for every kind of problem that is declared', () => {
    expect(new Set(cases.map(([code]) => code))).toEqual(new Set(problemCodes));
  });

  it('by every cause of loss but those of every day', () => {
    const degrading = Object.keys(lossCauses).filter(
      (cause) =>
        judge(collector({ losses: { [cause]: { total: 1, lastHour: 1 } } })).problems.length > 0,
    );
    expect(degrading).toEqual(expect.arrayContaining(['kernelLost', 'spoolFull', 'blindSeconds']));
    expect(degrading).not.toContain('commandLineCut');
  });
});

describe('the document', () => {
  it('comes back as it was sent', () => {
    const document = judge(soundFacts);
    expect(readStatusDocument(JSON.stringify(document))).toEqual(document);
  });

  it.each([
    ['another health', { health: 'fine' }, 'health'],
    ['a missing group', { spool: undefined }, 'spool'],
    [
      'a wrong type in a map',
      { collectors: { Login: { state: 'off', counters: { a: 'b' }, losses: {} } } },
      'collectors.Login.counters.a',
    ],
    ['a wrong type in a list', { problems: [3] }, 'problems[0]'],
  ])('is refused with %s, naming the place', (_, change, place) => {
    const text = JSON.stringify({ ...judge(soundFacts), ...change });
    expect(() => readStatusDocument(text)).toThrow(`at ${place}`);
  });
});
