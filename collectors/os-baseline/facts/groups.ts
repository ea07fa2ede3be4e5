import type { SubjectReader } from './fact-reader.js';
import { mapReading } from './reading.js';

export interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

const longestGroupFileBytes = 4 * 1024 * 1024;

/** /etc/group (group(5)): four fields between colons; lines that are no group are passed over. */
export function parseGroups(text: string): Group[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(':');
    const [name = '', , gid = '', members = ''] = fields;
    if (fields.length !== 4 || name === '' || !/^\d{1,10}$/.test(gid)) return [];
    return [{ name, gid: Number(gid), members: members.split(',').filter(Boolean) }];
  });
}

export const readGroups: SubjectReader<readonly Group[]> = async ({ files }) =>
  mapReading(await files.text('/etc/group', longestGroupFileBytes), parseGroups);
