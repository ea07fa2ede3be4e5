import { readTextLines } from '../../kernel/files/text-lines.js';
import type { Paths } from '../../kernel/paths.js';
import type { InstalledPackage } from '../databases/package.js';
import { type ControlFacts, ControlReader } from './control.js';
import { CopyrightReader, type StatedLicenses } from './copyright.js';
import { spdxExpression } from './spdx.js';

/** What is known of a package beside what the database of its manager says. */
export interface FurtherFacts extends StatedLicenses {
  readonly supplier?: string;
  readonly source?: string;
  readonly cpe?: string;
}

const longestFileBytes = 1024 * 1024;
const longestLine = 64 * 1024;

/** A name that is one name in a directory, whatever a database says. */
const isFileName = /^[A-Za-z0-9][A-Za-z0-9+._-]*$/;

/**
 * Reads what a package says of its licence: in the database of its manager, or in a file of its own. A file that is not
 * there or cannot be read says nothing.
 * @throws only when the signal is aborted
 */
export async function furtherFacts(
  paths: Pick<Paths, 'root'>,
  { license, manager, name }: InstalledPackage,
  signal: AbortSignal,
): Promise<FurtherFacts> {
  if (manager === 'opkg') return factsOfControl(await readControl(paths, name, signal), license);
  if (license !== undefined || manager !== 'dpkg') return stated(license);
  const reader = new CopyrightReader();
  const path = `/usr/share/doc/${name}/copyright`;
  if (!isFileName.test(name) || !(await readLines(paths, path, signal, reader))) return stated();
  reader.end();
  return reader.stated();
}

function stated(license?: string): StatedLicenses {
  const licenses = license === undefined ? [] : [spdxExpression(license) ?? license];
  return { licenses, leftOut: 0 };
}

function factsOfControl({ license, ...facts }: ControlFacts, known?: string): FurtherFacts {
  // Recipes of Yocto write `&` and `|` for "and" and "or" (BitBake, LICENSE).
  const written = known ?? license;
  const spdx = spdxExpression(written?.replaceAll('&', ' AND ').replaceAll('|', ' OR ') ?? '');
  return { ...facts, ...stated(spdx ?? written) };
}

async function readControl(
  paths: Pick<Paths, 'root'>,
  name: string,
  signal: AbortSignal,
): Promise<ControlFacts> {
  if (!isFileName.test(name)) return {};
  for (const directory of ['/usr/lib/opkg/info', '/var/lib/opkg/info']) {
    const reader = new ControlReader();
    if (await readLines(paths, `${directory}/${name}.control`, signal, reader))
      return reader.facts();
  }
  return {};
}

/** @returns whether the file was read to its end, or as far as the reader wanted */
async function readLines(
  { root }: Pick<Paths, 'root'>,
  path: string,
  signal: AbortSignal,
  reader: { line(line: string): boolean },
): Promise<boolean> {
  try {
    const onLine = (line: string): boolean => reader.line(line);
    const { cut } = await readTextLines(root + path, {
      signal,
      longestLine,
      longestFileBytes,
      onLine,
    });
    return !cut;
  } catch {
    signal.throwIfAborted();
    // Not there, a directory, a link to itself: it says nothing.
    return false;
  }
}
