import type { SubjectReader } from './fact-reader.js';
import type { FileState } from './host-files.js';
import { absent, found } from './reading.js';

/** A file with a key of the device for SSH. */
export interface HostKey extends FileState {
  readonly path: string;
  readonly isPublic: boolean;
}

/** Where sshd and dropbear have theirs. */
const places: readonly { readonly directory: string; readonly pattern: RegExp }[] = [
  { directory: '/etc/ssh', pattern: /^ssh_host_[a-z0-9]+_key(\.pub)?$/ },
  { directory: '/etc/dropbear', pattern: /^dropbear_[a-z0-9]+_host_key(\.pub)?$/ },
];

export const readHostKeys: SubjectReader<readonly HostKey[]> = async ({ files }) => {
  const keys: HostKey[] = [];
  for (const { directory, pattern } of places) {
    const names = await files.names(directory);
    if ('unreadable' in names) return names;
    for (const name of 'value' in names ? names.value : []) {
      if (!pattern.test(name)) continue;
      const path = `${directory}/${name}`;
      const state = await files.state(path);
      if ('unreadable' in state) return state;
      if ('value' in state) keys.push({ path, isPublic: name.endsWith('.pub'), ...state.value });
    }
  }
  return keys.length === 0 ? absent('there are no host keys of SSH') : found(keys);
};
