import { type Group, parseGroup, recordsOf } from '../../kernel/files/account-lines.js';
import type { SubjectReader } from './fact-reader.js';
import { mapReading } from './reading.js';

const longestGroupFileBytes = 4 * 1024 * 1024;

export const parseGroups = (text: string): Group[] => recordsOf(text, parseGroup);

/** /etc/group (group(5)). */
export const readGroups: SubjectReader<readonly Group[]> = async ({ files }) =>
  mapReading(await files.text('/etc/group', longestGroupFileBytes), parseGroups);
