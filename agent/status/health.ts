import { isLossCause, lossCauses, type LossCause } from '../../base/loss.js';
import type { StatusDocument, StatusFacts, StatusProblem } from './document.js';
import { durationText } from './duration-text.js';

/**
 * Causes that a healthy agent on a busy device has too: something was told incompletely, a program was faster than the
 * look at it, the agent was not running. Every other loss makes the agent degraded for an hour.
 */
const everydayLosses: ReadonlySet<LossCause> = new Set([
  'commandLineCut',
  'hashSkipped',
  'processGone',
  'connectionGone',
  'pollingGap',
  'foreignAuditRecords',
  'unreadSeconds',
  'notJudged',
  'judgedInPart',
  'alertsOverRate',
] satisfies LossCause[]);

/** Whoever was warned for three weeks and did nothing has not seen it: 7 days. */
export const lastSecondsOfCertificate = 7 * 86_400;
/** So often in a row a network may fail in the middle of a message. */
const mostFailedInARow = 2;
/** Acknowledgements come within seconds; `requestTimeout` ends the wait for one, and may be set to minutes. */
const mostSecondsUnacknowledged = 120;

/** Everything that makes an agent degraded, the worst first; each sentence continues "degraded because". */
const rules: readonly ((facts: StatusFacts) => readonly StatusProblem[])[] = [
  ({ agent }) =>
    agent.ready
      ? []
      : [{ code: 'starting', sentence: 'it is starting: its collectors are not armed yet' }],
  ({ spool }) =>
    spool.problem === undefined
      ? []
      : [
          {
            code: 'disk',
            sentence: `the disk takes no events, which wait in memory: ${spool.problem}; make room, or mend the file system`,
          },
        ],
  ({ collectors }) =>
    Object.entries(collectors)
      .filter(([, { losses }]) => (losses['blindSeconds']?.lastHour ?? 0) > 0)
      .map(([name, { losses }]) => ({
        code: 'blinded' as const,
        sentence: `${name} was blinded for ${losses['blindSeconds']?.lastHour ?? 0} s in the last hour: somebody switched audit off or deleted its rules`,
      })),
  ({ connection }) => {
    const { disconnectedSeconds, failure, toleratedSeconds } = connection;
    if (disconnectedSeconds <= toleratedSeconds) return [];
    const why = failure === undefined ? '' : `: ${withoutStop(failure)}`;
    const age = durationText(disconnectedSeconds);
    return [
      {
        code: 'disconnected',
        sentence: `there has been no connection to the hub for ${age}${why}`,
      },
    ];
  },
  ({ certificate }) => {
    if (certificate === undefined || certificate.secondsLeft > lastSecondsOfCertificate) return [];
    const { secondsLeft, validToUtc } = certificate;
    const sentence =
      secondsLeft < 0
        ? `its certificate has expired on ${validToUtc}; replace the file that identity.certificateFile names`
        : `its certificate expires in ${durationText(secondsLeft)}, on ${validToUtc}; replace the file that identity.certificateFile names`;
    return [{ code: 'certificate', sentence }];
  },
  ({ connection, delivery, spool }) => {
    const { failedInARow, failure, waitingSeconds } = delivery;
    if (!Object.values(spool.queues).some(({ events }) => events > 0)) return [];
    const isOverdue =
      connection.state === 'connected' && waitingSeconds > mostSecondsUnacknowledged;
    if (failedInARow <= mostFailedInARow && !isOverdue) return [];
    const attempts =
      failedInARow === 0
        ? `has acknowledged no message for ${durationText(waitingSeconds)}`
        : `acknowledged none of the last ${failedInARow} attempts to send`;
    const why = failure === undefined ? '' : `: ${withoutStop(failure)}`;
    return [{ code: 'unacknowledged', sentence: `the hub ${attempts}${why}` }];
  },
  ({ collectors }) =>
    Object.entries(collectors)
      .filter(([, { state }]) => state === 'failing' || state === 'unavailable')
      .map(([name, { state, limitation }]) => ({
        code: 'collector' as const,
        sentence: `${name} is ${state}: ${withoutStop(limitation ?? 'no reason was given')}`,
      })),
  ({ twin }) =>
    twin.problems
      .filter(({ errorType }) => errorType === 'TypeMismatch')
      .map(({ key, reason }) => ({
        code: 'rejected' as const,
        sentence: `the twin's ${key} was rejected: ${withoutStop(reason)}`,
      })),
  ({ detection: { problem, state } }) => {
    if (state === 'off' || (state !== 'failed' && problem === undefined)) return [];
    const sentence =
      problem === undefined
        ? 'no event is judged by rules of detection, because they cannot be read; install the agent again'
        : `the rules of detection are not what they should be: ${withoutStop(problem)}`;
    return [{ code: 'detection', sentence }];
  },
  ({ agent: { logProblem } }) =>
    logProblem === undefined
      ? []
      : [
          {
            code: 'log',
            sentence: `its log cannot be written: ${logProblem}; restart the agent if that lasts`,
          },
        ],
  ({ collectors, losses }) =>
    [
      ...Object.entries(collectors).map(([name, collector]) => [name, collector.losses] as const),
      ...Object.entries(losses),
    ].flatMap(([name, causes]) =>
      Object.entries(causes)
        .filter(([cause, { lastHour }]) => lastHour > 0 && !isEveryday(cause))
        .map(([cause, { lastHour }]) => ({
          code: 'loss' as const,
          sentence: `${name} lost ${lastHour} × ${cause} in the last hour: ${explained(cause)}`,
        })),
    ),
];

/** The verdict over the facts. */
export function judge(facts: StatusFacts): StatusDocument {
  const problems = rules.flatMap((rule) => rule(facts));
  return { health: problems.length === 0 ? 'healthy' : 'degraded', problems, ...facts };
}

/** blindSeconds has a problem of its own. */
function isEveryday(cause: string): boolean {
  return cause === 'blindSeconds' || (isLossCause(cause) && everydayLosses.has(cause));
}

function explained(cause: string): string {
  return isLossCause(cause) ? withoutStop(lossCauses[cause]) : 'an unknown cause';
}

function withoutStop(sentence: string): string {
  return sentence.replace(/\.$/, '');
}
