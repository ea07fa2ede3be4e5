import { parseOsRelease } from '../../kernel/files/os-release.js';
import type { SubjectReader } from './fact-reader.js';
import { mapReading } from './reading.js';

export interface Release {
  /** Of os-release(5). */
  readonly fields: ReadonlyMap<string, string>;
  /** Time of the device, milliseconds since the epoch. */
  readonly nowMs: number;
}

export const readRelease: SubjectReader<Release> = async ({ files, host }) => {
  const own = await files.text('/etc/os-release', 65_536);
  const text = 'absent' in own ? await files.text('/usr/lib/os-release', 65_536) : own;
  return mapReading(text, (release) => ({
    fields: parseOsRelease(release),
    nowMs: host.clock.wallMs(),
  }));
};
