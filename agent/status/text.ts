import { printable } from '../../base/text.js';
import { earlyObjectName, twinDialects } from '../../config/twin-dialects.js';
import { configurationObjectName } from '../../config/twin-settings.js';
import { detectionText } from './detection-text.js';
import type { LossOf, StatusDocument } from './document.js';
import { durationText, sizeText } from './duration-text.js';

const labelWidth = 12;
const indent = ' '.repeat(labelWidth);

/** The status for a person: the verdict, what is wrong, then the facts. */
export function statusText(document: StatusDocument): string {
  const lines = [
    ...verdict(document),
    '',
    ...row('Agent', agentLine(document)),
    ...row('Connection', connectionLine(document)),
    ...certificateLines(document),
    ...twinLines(document),
    ...ownerLines(document),
    ...row('Today', todayLine(document)),
    ...spoolLines(document),
    ...row('History', historyLine(document)),
    ...row('Detection', detectionText(document.detection)),
    '',
    ...collectorLines(document),
    ...otherLosses(document),
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

function verdict({ problems }: StatusDocument): readonly string[] {
  const [worst, ...others] = problems;
  if (worst === undefined) return ['healthy'];
  if (others.length === 0) return [`degraded because ${worst.sentence}`];
  return [
    `degraded because ${worst.sentence} (and ${others.length} more)`,
    ...others.map(({ sentence }) => `  - ${sentence}`),
  ];
}

function row(label: string, text: string): readonly string[] {
  return [`${label.padEnd(labelWidth)}${text}`];
}

function agentLine({ agent }: StatusDocument): string {
  const { cpuSeconds, pid, residentBytes, startedUtc, uptimeSeconds, version } = agent;
  const percent = ((100 * cpuSeconds) / Math.max(1, uptimeSeconds)).toFixed(1);
  return `version ${version}, pid ${pid}, running for ${durationText(uptimeSeconds)} (since ${startedUtc}), ${sizeText(residentBytes)} of memory, ${percent} % of a processor`;
}

function connectionLine({ connection }: StatusDocument): string {
  const { disconnectedSeconds, failure, retryInSeconds, seconds, state } = connection;
  if (state === 'connected') return `connected for ${durationText(seconds)}`;
  const retry =
    retryInSeconds === undefined ? '' : `, next attempt in ${durationText(retryInSeconds)}`;
  const why = failure === undefined ? '' : `. ${failure}`;
  return `${state}, not connected for ${durationText(disconnectedSeconds)}${retry}${why}`;
}

function certificateLines({ certificate }: StatusDocument): readonly string[] {
  if (certificate === undefined) return [];
  const { secondsLeft, validToUtc } = certificate;
  const left = secondsLeft < 0 ? 'expired' : `for ${durationText(secondsLeft)} more`;
  return row('Certificate', `valid until ${validToUtc}, ${left}`);
}

/** What is to be known of how the twin says the settings, behind its version. */
const dialectTexts: Record<StatusDocument['twin']['dialect'], string> = {
  contract: '',
  earlyContract: `, with the settings in ${twinDialects.earlyContract.title} (${earlyObjectName}): move them to ${configurationObjectName}`,
  microAgent: `, with ${twinDialects.microAgent.title}`,
  none: ', which holds no settings: defaults apply',
};

function twinLines({ twin }: StatusDocument): readonly string[] {
  const effects = { TypeMismatch: 'rejected', NotOptimal: 'not optimal', Conflict: 'conflict' };
  const version =
    twin.desiredVersion === 0
      ? 'never read yet: defaults apply'
      : `version ${twin.desiredVersion}${dialectTexts[twin.dialect]}`;
  return [
    ...row('Twin', version),
    ...twin.problems.map(
      ({ errorType, key, reason, used }) =>
        `${indent}${effects[errorType]}: ${key}: ${reason} In force: ${used}.`,
    ),
  ];
}

function ownerLines({ disabledByOwner }: StatusDocument): readonly string[] {
  if (disabledByOwner.length === 0) return [];
  const names = disabledByOwner.join(', ');
  return row('Owner', `has switched off ${names} (disabledEvents in the local file)`);
}

function todayLine({ today }: StatusDocument): string {
  const { lowDelays, messages, unacknowledged, unitCap, units, unitsHandedOver } = today;
  const handedOver = unitsHandedOver === units ? '' : `, ${unitsHandedOver} handed over`;
  const cap = unitCap === undefined ? '' : `${handedOver} of at most ${unitCap}`;
  const open =
    unacknowledged === 0 ? '' : `; ${unacknowledged} more were sent and not acknowledged`;
  const delayed = lowDelays === 0 ? '' : `; Low events waited ${lowDelays} times for the cap`;
  return `${messages} messages, ${units} units of 4 KB${cap}${open}${delayed}`;
}

function spoolLines({ spool }: StatusDocument): readonly string[] {
  const queues = Object.entries(spool.queues).map(([name, { bytes, events, oldestSeconds }]) => {
    const oldest =
      oldestSeconds === undefined ? '' : `, the oldest ${durationText(oldestSeconds)} old`;
    return `${name} ${events} ${events === 1 ? 'event' : 'events'}${events === 0 ? '' : ` (${sizeText(bytes)}${oldest})`}`;
  });
  const disk = `${sizeText(spool.diskBytes)} of ${sizeText(spool.limitBytes)} on disk`;
  return row('Cache', `${queues.join(', ')}; ${disk}`);
}

function historyLine({ history }: StatusDocument): string {
  const { diskBytes, events, limitBytes, oldestSeconds, problem } = history;
  if (limitBytes === 0) return 'nothing is kept (historyMaxBytes in the local file)';
  const since = oldestSeconds === undefined ? '' : ` of the last ${durationText(oldestSeconds)}`;
  const kept = `${events} ${events === 1 ? 'event' : 'events'}${since}; ${sizeText(diskBytes)} of ${sizeText(limitBytes)} on disk`;
  return problem === undefined ? kept : `${kept}; the disk takes no more: ${problem}`;
}

function collectorLines({ collectors }: StatusDocument): readonly string[] {
  const nameWidth = Math.max(0, ...Object.keys(collectors).map((name) => name.length)) + 2;
  return Object.entries(collectors).flatMap(([name, collector]) => {
    const { counters, durationSeconds, limitation, secondsSinceRun, source, state } = collector;
    const parts = [
      ...(source === undefined ? [] : [`from ${source}`]),
      ...(secondsSinceRun === undefined
        ? []
        : [
            durationSeconds === undefined
              ? `last event ${durationText(secondsSinceRun)} ago`
              : `last run ${durationText(secondsSinceRun)} ago, took ${durationSeconds} s`,
          ]),
      ...Object.entries(counters).map(([counter, count]) => `${counter} ${count}`),
    ];
    return [
      `${name.padEnd(nameWidth)}${[state, ...parts].join(', ')}`,
      ...(limitation === undefined ? [] : [`${' '.repeat(nameWidth)}${limitation}`]),
      ...lossLine(' '.repeat(nameWidth), collector.losses),
    ];
  });
}

function otherLosses({ losses }: StatusDocument): readonly string[] {
  return Object.entries(losses).flatMap(([component, causes]) =>
    lossLine(`${component}: `, causes),
  );
}

function lossLine(start: string, losses: LossOf): readonly string[] {
  const parts = Object.entries(losses).map(([cause, { lastHour, total }]) =>
    lastHour === 0 ? `${cause} ${total}` : `${cause} ${total} (${lastHour} in the last hour)`,
  );
  return parts.length === 0 ? [] : [`${start}lost: ${parts.join(', ')}`];
}
