import { lossCauses } from '../base/loss.js';
import {
  aggregateDetails,
  alertDetails,
  commonDetails,
  foldedAlertDetails,
} from './common-details.js';
import type { EventDeclaration } from './declaration.js';
import { eventDeclarations, type EventName } from './events.js';

/**
 * The reference of the events, in Markdown.
 *
 * @param collected the events that this build has a collector for
 */
export function reference(collected: readonly EventName[]): string {
  return `# Events

Generated from the declarations in \`contract/\` by \`npm run generate\`; a test fails when the two differ.

An event carries its payloads in \`Payload\`. A payload has the fields below, and \`ExtraDetails\`, whose members are
all text and all optional. Times in it are ISO-8601.

${overview(collected)}

${Object.entries(eventDeclarations).map(eventSection).join('\n\n')}

## Every event

${table(['ExtraDetails', 'Meaning'], meanings(commonDetails))}

## Alerts

An event that a rule of detection is true of (docs/rules.md) is an alert: the event itself, in the queue High instead of that
of its own priority, and sent at once. It is told singly, not in an aggregate, and has these besides:

${table(['ExtraDetails', 'Meaning'], meanings(alertDetails))}

Equal alerts of one rule are told singly five times within ten minutes. Those after the fifth are one more at the end of the
ten minutes, with:

${table(['ExtraDetails', 'Meaning'], meanings(foldedAlertDetails))}

A snapshot with an alert stays one event, in the queue High; the payload that the rule is true of has the members. It has
them when it is first there, and not in the snapshots that follow.

## Aggregates

Events that are counted together (\`aggregationEnabled…\`) have those of the details above that were the same in every
hit. What says that something is not known, or was cut, they have as soon as one of the hits had it:
${caveatNames().map(code).join(', ')}. They also have:

${table(['ExtraDetails', 'Meaning'], meanings(aggregateDetails))}

## Losses

What may be missing is counted by cause, in events where nothing else is said. \`agentStatus\` in the reported properties
shows the sums for each collector and queue. \`ExtraDetails\` of DroppedEventsStatistics shows what came since the last
one: \`CAUSE\` of the queue itself, and \`COMPONENT.CAUSE\` of the others, in the payload of the queue Low.

${table(['Cause', 'Meaning'], meanings(lossCauses))}
`;
}

function overview(collected: readonly EventName[]): string {
  const rows = Object.entries(eventDeclarations).map(([name, event]) => {
    const isMade = event.type !== 'Security' || collected.some((other) => other === name);
    return [
      `[${name}](#${name.toLowerCase()})`,
      event.noun + (event.ours === true ? '; ours, not in the public schemas' : ''),
      code(event.priority),
      event.counted === undefined ? 'no' : 'yes',
      isMade ? 'yes' : 'not yet',
    ];
  });
  return table(
    ['Event', 'Tells', 'Priority', 'Equal ones are counted', 'Sent by this version'],
    rows,
  );
}

function eventSection([name, event]: [string, EventDeclaration]): string {
  const { category, type, meaning, kept, fields, details, caveats } = event;
  const rows = Object.entries(fields).map(([field, { kind, required, meaning: says }]) => [
    code(field),
    typeof kind === 'string' ? kind : [...kind].map(code).join(', '),
    required ? 'yes' : 'no',
    says,
  ]);
  const members = meanings({ ...details, ...caveats });
  const parts = [
    `## ${name}`,
    `${meaning} Category ${category}, type ${type}.${keptText(kept)}`,
    table(['Field', 'Type', 'Required', 'Meaning'], rows),
    ...(members.length === 0 ? [] : [table(['ExtraDetails', 'Meaning'], members)]),
  ];
  return parts.join('\n\n');
}

function keptText(kept: EventDeclaration['kept']): string {
  if (kept === undefined) return '';
  const values = kept === true ? [] : Object.entries(kept);
  const which = values.map(([field, texts]) => `${code(field)} is ${texts.map(code).join(' or ')}`);
  const those = which.length === 0 ? '' : ` where ${which.join(' and ')}`;
  return ` The device keeps it after it was sent${those} (\`history\`).`;
}

function caveatNames(): string[] {
  const names = Object.values(eventDeclarations).flatMap(({ caveats = {} }) =>
    Object.keys(caveats),
  );
  return [...new Set(names)];
}

function meanings(declared: Readonly<Record<string, string>>): string[][] {
  return Object.entries(declared).map(([key, meaning]) => [code(key), meaning]);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows];
  return lines
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');
}

function code(text: string): string {
  return `\`${text}\``;
}
