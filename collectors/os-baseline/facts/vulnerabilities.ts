import type { SubjectReader } from './fact-reader.js';
import { found } from './reading.js';

/** What the kernel says of each weakness of the processor, as `Mitigation: PTI`, by the weakness. */
export type Vulnerabilities = ReadonlyMap<string, string>;

const directory = '/sys/devices/system/cpu/vulnerabilities';

export const readVulnerabilities: SubjectReader<Vulnerabilities> = async ({ files }) => {
  const names = await files.names(directory);
  if (!('value' in names)) return names;
  const states = new Map<string, string>();
  for (const name of names.value) {
    const text = await files.text(`${directory}/${name}`, 4096);
    if ('unreadable' in text) return text;
    if ('value' in text) states.set(name, text.value.trim());
  }
  return found(states);
};
