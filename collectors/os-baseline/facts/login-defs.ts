import type { SubjectReader } from './fact-reader.js';
import { mapReading } from './reading.js';

/** Settings of login.defs(5) by their names. */
export type LoginDefs = ReadonlyMap<string, string>;

/** A name and a value on a line; of several lines the last counts. */
export function parseLoginDefs(text: string): Map<string, string> {
  const settings = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^\s*([A-Z_0-9]+)[\s=]+(.*?)\s*$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined && value !== '')
      settings.set(name, value.replace(/^"(.*)"$/, '$1'));
  }
  return settings;
}

export const readLoginDefs: SubjectReader<LoginDefs> = async ({ files }) =>
  mapReading(await files.text('/etc/login.defs'), parseLoginDefs);
