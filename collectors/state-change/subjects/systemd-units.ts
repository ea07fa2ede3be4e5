import { basename, dirname, resolve } from 'node:path';
import type { Paths } from '../../kernel/paths.js';
import { contentOf, differentDirectories, entriesOf, targetOf } from './entries.js';

/** What systemd.unit(5) knows; a slice or a scope starts nothing, but a slice bounds what others may do. */
const unitName =
  /^[\w:.@\\-]{1,255}\.(service|socket|device|mount|automount|swap|target|path|timer|slice)$/;
const pulls = /^(.+)\.(wants|requires|upholds)$/;

/** Where units are read from, what counts before the others first (systemd.unit(5), "Unit File Load Path"). */
export function systemdDirectories({ etcRoot, root, usrRoot }: Paths): readonly string[] {
  return [
    `${etcRoot}/systemd/system`,
    `${root}/run/systemd/system`,
    `${usrRoot}/local/lib/systemd/system`,
    `${usrRoot}/lib/systemd/system`,
    `${root}/lib/systemd/system`,
  ];
}

/** What is known of a unit from all directories. */
interface Unit {
  file?: string;
  readonly dropIns: string[];
  readonly pulledBy: Set<string>;
}

/**
 * The units of systemd, by name: `/etc/systemd/system/x.service 1a2b3c4d5e6f; drop-ins a.conf 6f5e4d3c2b1a; started by
 * multi-user.target`, `masked`, `alias of ssh.service`. A file that another of the name stands before does not count.
 */
export async function systemdUnits(
  directories: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const units = new Map<string, Unit>();
  const unitOf = (name: string): Unit => {
    let unit = units.get(name);
    if (unit === undefined) units.set(name, (unit = { dropIns: [], pulledBy: new Set() }));
    return unit;
  };
  // On most devices /lib is a link to /usr/lib.
  for (const directory of await differentDirectories(directories)) {
    for (const { name, kind } of await entriesOf(directory)) {
      signal.throwIfAborted();
      const path = `${directory}/${name}`;
      const [, puller] = pulls.exec(name) ?? [];
      if (kind === 'directory' && puller !== undefined) {
        for (const pulled of await entriesOf(path)) unitOf(pulled.name).pulledBy.add(puller);
      } else if (kind === 'directory' && name.endsWith('.d')) {
        await addDropIns(path, unitOf(name.slice(0, -2)));
      } else if (unitName.test(name) && units.get(name)?.file === undefined) {
        const file = kind === 'link' ? await linkText(path, directories) : await fileText(path);
        if (file !== undefined) unitOf(name).file = file;
      }
    }
  }
  // A link to start what is not there starts nothing; an instance has the file of its template.
  const isThere = ([name, { dropIns, file }]: [string, Unit]): boolean =>
    file !== undefined || dropIns.length > 0 || name.includes('@');
  return new Map([...units].filter(isThere).map(([name, unit]) => [name, textOf(unit)]));
}

/** Of several of one name the first counts; the same name in another directory is looked at only when that one is not there. */
async function addDropIns(directory: string, unit: Unit): Promise<void> {
  for (const { name } of await entriesOf(directory)) {
    if (!name.endsWith('.conf') || unit.dropIns.some((known) => known.startsWith(`${name} `)))
      continue;
    const content = await contentOf(`${directory}/${name}`);
    if (content !== undefined) unit.dropIns.push(`${name} ${content}`);
  }
}

async function fileText(path: string): Promise<string | undefined> {
  const content = await contentOf(path);
  return content === undefined ? undefined : `${path} ${content}`;
}

async function linkText(path: string, directories: readonly string[]): Promise<string | undefined> {
  const target = await targetOf(path);
  if (target === undefined) return fileText(path);
  if (target === '/dev/null') return 'masked';
  const leadsTo = resolve(dirname(path), target);
  const isAlias = basename(leadsTo) !== basename(path);
  if (isAlias && directories.includes(dirname(leadsTo))) return `alias of ${basename(leadsTo)}`;
  return `link to ${leadsTo} ${(await contentOf(path)) ?? 'that is not there'}`;
}

function textOf({ dropIns, file, pulledBy }: Unit): string {
  return [
    file ?? 'no file of its own',
    dropIns.length > 0 && `drop-ins ${dropIns.join(', ')}`,
    pulledBy.size > 0 && `started by ${[...pulledBy].sort().join(', ')}`,
  ]
    .filter((part) => part !== false)
    .join('; ');
}
