import type { SubjectReader } from './fact-reader.js';
import type { FileState } from './host-files.js';
import { found } from './reading.js';

export interface LogFile {
  readonly path: string;
  readonly state: FileState;
}

/** What lies in /var/log itself; directories of programs are their own matter. */
export const readLogFiles: SubjectReader<readonly LogFile[]> = async ({ files }) => {
  const names = await files.names('/var/log');
  if (!('value' in names)) return names;
  const logs: LogFile[] = [];
  for (const name of names.value) {
    const path = `/var/log/${name}`;
    const state = await files.linkState(path);
    if ('unreadable' in state) return state;
    if ('value' in state && state.value.kind === 'file') logs.push({ path, state: state.value });
  }
  return found(logs);
};
