import { isJsonObject, parseJson } from '../../base/json.js';
import { dialectNames } from '../../config/twin-dialects.js';
import { misfit, type Field, type Metric, type ValueOf } from './shape.js';

/*
 * What the status tells, declared once: the document that the agent answers with, its type, the check of what came over
 * the socket and the metrics all follow from this.
 */

/** What a degraded agent suffers from; `health.ts` says when. */
export const problemCodes = [
  'starting',
  'disconnected',
  'unacknowledged',
  'collector',
  'blinded',
  'loss',
  'rejected',
  'disk',
  'log',
  'certificate',
  'detection',
] as const;

const gauge = (name: string): Metric => ({ name, type: 'gauge' });
const counter = (name: string): Metric => ({ name, type: 'counter' });

const text = (meaning: string) => ({ kind: 'text', meaning }) as const;
const number = <M extends Metric | undefined = undefined>(meaning: string, metric?: M) =>
  ({ kind: 'number', meaning, ...(metric === undefined ? {} : { metric }) }) as const;
const optional = <F extends Field>(field: F) => ({ ...field, optional: true }) as const;
const choice = <const V extends readonly string[]>(meaning: string, values: V, name?: string) =>
  ({
    kind: 'choice',
    meaning,
    values,
    ...(name === undefined ? {} : { metric: gauge(name) }),
  }) as const;
const group = <G extends Readonly<Record<string, Field>>>(meaning: string, fields: G) =>
  ({ kind: 'group', meaning, fields }) as const;
const list = <F extends Field>(meaning: string, of: F) => ({ kind: 'list', meaning, of }) as const;
const map = <F extends Field>(meaning: string, label: string, of: F) =>
  ({ kind: 'map', meaning, label, of }) as const;

const losses = (whose: string, metricPrefix: string) =>
  map(
    `Losses ${whose}, by cause.`,
    'cause',
    group('One cause of loss.', {
      total: number(`Losses ${whose}, by cause.`, counter(`${metricPrefix}_total`)),
      lastHour: number(
        `Losses ${whose} in the last hour, by cause.`,
        gauge(`${metricPrefix}_hour`),
      ),
    }),
  );

export const statusShape = group('The status of a running agent.', {
  health: choice('The verdict.', ['healthy', 'degraded'], 'health'),
  problems: list(
    'What makes it degraded.',
    group('One problem.', {
      code: choice('Its kind.', problemCodes),
      sentence: text('What is wrong, as it continues "degraded because".'),
    }),
  ),
  agent: group('The process.', {
    version: text('Version of the agent.'),
    pid: number('Process id.'),
    ready: { kind: 'truth', meaning: 'The collectors are armed.' },
    logProblem: optional(text('Why lines of its log cannot be written.')),
    startedUtc: text('When it started.'),
    uptimeSeconds: number('Seconds since the start.', gauge('uptime_seconds')),
    residentBytes: number('Resident memory.', gauge('resident_memory_bytes')),
    cpuSeconds: number('Processor time used since the start.', counter('cpu_seconds_total')),
  }),
  connection: group('The connection to the hub.', {
    state: choice(
      'State of the connection to the hub.',
      ['stopped', 'starting', 'connecting', 'connected', 'closing', 'waiting'],
      'connection_state',
    ),
    seconds: number('Seconds since this state began.', gauge('connection_state_seconds')),
    disconnectedSeconds: number(
      'Seconds without a connection; 0 while there is one.',
      gauge('disconnected_seconds'),
    ),
    toleratedSeconds: number('Seconds without a connection after which it is degraded.'),
    failure: optional(text('Why the last attempt failed.')),
    retryInSeconds: optional(number('Seconds until the next attempt.')),
  }),
  certificate: optional(
    group('The certificate of this device or module, where it has one.', {
      validToUtc: text('Until when it is valid.'),
      secondsLeft: number(
        'Seconds until it expires; negative afterwards.',
        gauge('certificate_seconds_left'),
      ),
    }),
  ),
  twin: group('The settings of the module twin.', {
    desiredVersion: number(
      'Version of the desired properties in force; 0 before the first contact with a hub.',
      gauge('twin_desired_version'),
    ),
    dialect: choice('How the twin says the settings, see the reference.', dialectNames),
    problems: list(
      'Values of the twin that are not in force as they were written.',
      group('One value.', {
        key: text('The setting.'),
        errorType: choice('TypeMismatch: rejected; the others are in force in another way.', [
          'TypeMismatch',
          'NotOptimal',
          'Conflict',
        ]),
        reason: text('What is wrong with it.'),
        used: text('The value in force.'),
      }),
    ),
  }),
  disabledByOwner: list(
    'Events that the owner of the device has switched off in the local file.',
    text('Name of an event.'),
  ),
  collectors: map(
    'The collectors.',
    'collector',
    group('One collector.', {
      state: choice(
        'State of the collectors.',
        ['off', 'running', 'unavailable', 'failing'],
        'collector_state',
      ),
      source: optional(text('Where its facts come from.')),
      limitation: optional(text('What it cannot see, and why.')),
      lastRunUtc: optional(text('When its last snapshot began, or its last event came.')),
      secondsSinceRun: optional(
        number(
          'Seconds since the last snapshot began or the last event came.',
          gauge('collector_since_run_seconds'),
        ),
      ),
      durationSeconds: optional(
        number('How long the last snapshot took.', gauge('collector_duration_seconds')),
      ),
      counters: map('What was counted instead of being told.', 'name', number('Count.')),
      losses: losses('of the collectors', 'collector_losses'),
    }),
  ),
  detection: group('The rules that events are judged by.', {
    state: choice(
      'Whether events are judged by rules.',
      ['off', 'loading', 'running', 'failed'],
      'detection_state',
    ),
    rules: number('Rules of detection in force.', gauge('detection_rules')),
    correlations: number('Correlations in force.'),
    refused: number(
      'Documents that cannot be used as rules of detection.',
      gauge('detection_refused'),
    ),
    refusals: list('The first of them.', text('Source, file, line and reason.')),
    sources: group('Rules, correlations and filters by where they are from.', {
      builtin: number('Brought along by the agent.'),
      local: number('Of the device.'),
      twin: number('Of the twin.'),
    }),
    disabled: number('Rules that raise no alerts by the settings of the twin.'),
    problem: optional(text('Why the rules are not what they should be.')),
    suspended: list('Rules that take too long and are judged no more.', text('Title of a rule.')),
    alerts: number('Alerts since the start.', counter('alerts_total')),
    lastAlert: optional(
      group('The last of them.', {
        title: text('Title of its rule.'),
        utc: text('When it came.'),
        secondsAgo: number('Seconds since then.'),
      }),
    ),
  }),
  spool: group('The local cache.', {
    problem: optional(text('Why the disk does not take what it is given.')),
    limitBytes: number('The most that the local cache may take.', gauge('spool_limit_bytes')),
    diskBytes: number('What the files of the local cache take.', gauge('spool_disk_bytes')),
    queues: map(
      'What waits for the hub, by priority.',
      'queue',
      group('One queue.', {
        events: number('Events that wait for the hub.', gauge('spool_events')),
        bytes: number('Bytes of the events that wait for the hub.', gauge('spool_bytes')),
        oldestSeconds: optional(
          number('Age of the oldest event that waits.', gauge('spool_oldest_seconds')),
        ),
      }),
    ),
  }),
  history: group('What the device keeps of what it has sent.', {
    problem: optional(text('Why the disk does not take what it is given.')),
    limitBytes: number('The most that it may take; 0: nothing is kept.'),
    diskBytes: number('What the kept events take on the disk.', gauge('history_bytes')),
    events: number('Events that are kept.', gauge('history_events')),
    oldestSeconds: optional(
      number('For how long the oldest of them is kept.', gauge('history_oldest_seconds')),
    ),
  }),
  delivery: group('What became of the messages since the hub last acknowledged one.', {
    failedInARow: number(
      'Attempts to send in a row that ended without an acknowledgement of the hub.',
      gauge('failed_sends'),
    ),
    waitingSeconds: number(
      'Seconds for which a message has been waiting for its acknowledgement; 0 when none is.',
      gauge('unacknowledged_seconds'),
    ),
    failure: optional(text('Why the last attempt ended.')),
  }),
  today: group('What was sent since 00:00 UTC.', {
    messages: number('Messages that the hub acknowledged today (UTC).', gauge('messages_today')),
    units: number(
      'Metered units of 4 KB that the hub acknowledged today (UTC).',
      gauge('units_today'),
    ),
    unacknowledged: number(
      'Messages handed to the hub today (UTC) of which it has not acknowledged the arrival.',
      gauge('unacknowledged_messages_today'),
    ),
    unitsHandedOver: number(
      'Metered units handed to the hub today (UTC), acknowledged or not; the cap counts these.',
    ),
    unitCap: optional(number('Units after which Low events wait for the next day.')),
    lowDelays: number('How many times Low events had to wait for the cap.'),
  }),
  losses: map(
    'Losses outside the collectors.',
    'component',
    losses('of the queues and of the way to the hub', 'losses'),
  ),
});

export type StatusDocument = ValueOf<typeof statusShape>;
/** The document before it is judged. */
export type StatusFacts = Omit<StatusDocument, 'health' | 'problems'>;
export type StatusProblem = StatusDocument['problems'][number];
export type LossOf = StatusDocument['losses'][string];

/** @throws Error, whose message completes "The answer …" */
export function readStatusDocument(json: string): StatusDocument {
  const value = parseJson(json);
  if (!isJsonObject(value)) throw new Error('is not an object');
  const place = misfit(statusShape, value);
  if (place !== undefined) {
    throw new Error(
      `does not have the shape that this version expects (at ${place.slice(1)}); after an update restart the agent`,
    );
  }
  return value as unknown as StatusDocument;
}
