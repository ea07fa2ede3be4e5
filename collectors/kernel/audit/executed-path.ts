import { resolve } from 'node:path';
import { type AuditEvent, auditTypes } from './event.js';
import { parseFields, untrustedText } from './record.js';

/**
 * The path that was given to execve, where a link leads nowhere yet: the name of the first PATH record (`item=0`), of a
 * script the script itself. Undefined where that record was lost, or its name is relative to a directory that is not known.
 */
export function executedPath(
  { records }: Pick<AuditEvent, 'records'>,
  workingDirectory: string | undefined,
): string | undefined {
  for (const { type, body } of records) {
    if (type !== auditTypes.path || !body.startsWith('item=0 ')) continue;
    const name = untrustedText(parseFields(body).get('name'));
    if (name === undefined || name.startsWith('/')) return name;
    return workingDirectory?.startsWith('/') === true ? resolve(workingDirectory, name) : undefined;
  }
  return undefined;
}
