import type { Collector } from '../../collectors/interface/collector.js';
import { eventDeclarations, eventNames } from '../../contract/events.js';

/** Debian policy 5.6.13 wants short lines. */
const longestLine = 72;

/** What the package says of itself in apt, in the form of a control file: each line begins with a blank. */
export function packageDescription(collectors: readonly Pick<Collector, 'name'>[]): string {
  const names = eventNames.filter((name) =>
    collectors.some((collector) => collector.name === name),
  );
  const nouns = names.map((name) => eventDeclarations[name].noun);
  const text =
    `Watches a Linux device - ${listed(nouns)} - and reports what it sees to Azure IoT Hub as the ` +
    'security module of the device.';
  return wrapped(text)
    .map((line) => ` ${line}\n`)
    .join('');
}

function listed(nouns: readonly string[]): string {
  const last = nouns.at(-1) ?? '';
  return nouns.length < 2 ? last : `${nouns.slice(0, -1).join(', ')} and ${last}`;
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > longestLine) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}
