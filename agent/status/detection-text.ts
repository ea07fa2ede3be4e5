import type { StatusDocument } from './document.js';
import { durationText } from './duration-text.js';

/** How detection is, in one line for a person. */
export function detectionText(detection: StatusDocument['detection']): string {
  const { alerts, correlations, disabled, lastAlert, problem } = detection;
  const { refusals, refused, rules, sources, state, suspended } = detection;
  if (state === 'off')
    return 'no event is judged by rules (detectionEnabled in the twin, detection in agent.json)';
  if (state === 'failed') return 'no event is judged, because the rules cannot be read';
  if (state === 'loading') return 'the rules are being read';
  const parts = [
    `${rules} rules and ${correlations} correlations in force${ownSources(sources)}`,
    ...(disabled === 0 ? [] : [`${disabled} switched off`]),
    ...(refused === 0 ? [] : [`${refused} refused${first(refusals)}`]),
    ...(suspended.length === 0
      ? []
      : [`${suspended.length} suspended because they are slow (${suspended.join(', ')})`]),
  ];
  const last =
    lastAlert === undefined
      ? 'no alert since the start'
      : `${alerts} ${alerts === 1 ? 'alert' : 'alerts'} since the start, the last ${durationText(lastAlert.secondsAgo)} ago: ${lastAlert.title}`;
  const wrong = problem === undefined ? '' : `; ${problem.replace(/\.$/, '')}`;
  return `${parts.join(', ')}; ${last}${wrong}`;
}

function ownSources({ local, twin }: StatusDocument['detection']['sources']): string {
  const own = [
    ...(local === 0 ? [] : [`${local} of the device`]),
    ...(twin === 0 ? [] : [`${twin} of the twin`]),
  ];
  return own.length === 0 ? '' : ` (${own.join(', ')})`;
}

const first = ([refusal]: readonly string[]): string =>
  refusal === undefined ? '' : ` (${refusal.replace(/\.$/, '')})`;
