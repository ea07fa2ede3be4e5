import type { LookContext, Shown, Subject } from '../../interface/state-subject.js';
import {
  type Password,
  parseAccount,
  parsePasswordRecord,
} from '../../kernel/files/account-lines.js';
import { missing, readAccounts, readNeeded } from './account-files.js';
import { watchedFiles } from './watched-files.js';

const dayMs = 86_400_000;
/** Stands before the mark of the hash, by which another password of the same day is told from the same one. */
const markSign = ' #';

/**
 * How the password of each account stands: `set (yescrypt), last changed 2026-01-02`. A mark of the hash is compared and
 * never told; the hash itself goes no further than the parser.
 */
export const password: Subject = {
  name: 'Password',
  watch: watchedFiles(({ etcRoot }) => [`${etcRoot}/shadow`, `${etcRoot}/passwd`]),
  async look(context) {
    const { etcRoot } = context.host.paths;
    const items = new Map<string, string>();
    const elsewhere = new Set<string>();
    const { mark } = context;
    const account = (line: string) => parseAccount(line, mark);
    const refused = await readNeeded(`${etcRoot}/passwd`, context, account, (record) => {
      const { name, password: own } = record;
      if (items.has(name) || elsewhere.has(name)) return;
      if (own === 'elsewhere') elsewhere.add(name);
      else items.set(name, textOf(own));
    });
    if (refused !== undefined) return refused;
    const shadow = await readShadow(`${etcRoot}/shadow`, context, elsewhere, items);
    return shadow ?? items;
  },
  shown,
};

async function readShadow(
  path: string,
  context: LookContext,
  wanted: Set<string>,
  items: Map<string, string>,
) {
  const record = (line: string) => parsePasswordRecord(line, context.mark);
  const refused = await readAccounts(path, context, record, (found) => {
    // Of several lines the system takes the first.
    if (!wanted.delete(found.name)) return;
    items.set(found.name, textOf(found.password, found.changedDay, found.expiresDay));
  });
  // Without the file, as on some small systems, nobody has a password there.
  if (refused !== undefined && refused !== missing) return refused;
  for (const name of wanted) items.set(name, 'none');
  return undefined;
}

function textOf(found: Password, changedDay?: number, expiresDay?: number): string {
  const { algorithm, mark, state } = found;
  const parts = [
    algorithm === undefined ? state : `${state} (${algorithm})`,
    changedDay === 0 && 'must be changed at the next login',
    changedDay !== undefined && changedDay > 0 && `last changed ${dayText(changedDay)}`,
    expiresDay !== undefined && `account closed from ${dayText(expiresDay)} on`,
  ];
  return parts.filter((part) => part !== false).join(', ') + (mark ? `${markSign}${mark}` : '');
}

function dayText(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10);
}

/** The texts without their marks; where only these differ, that the password is another one. */
export function shown(before: string | undefined, after: string | undefined): Shown {
  const [old, oldMark] = before?.split(markSign) ?? [];
  const [now, nowMark] = after?.split(markSign) ?? [];
  const isAnother = oldMark !== undefined && nowMark !== undefined && oldMark !== nowMark;
  return {
    ...(old !== undefined && { before: old }),
    ...(now !== undefined && { after: isAnother ? `${now}, another password than before` : now }),
  };
}
