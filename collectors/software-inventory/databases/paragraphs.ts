import { printable } from '../../../base/text.js';
import { type InstalledPackage, longestField, type PackageManager } from './package.js';

/** How a database of paragraphs is written: the beginnings of lines, by the fact that follows. */
export interface ParagraphFormat {
  readonly manager: PackageManager;
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly supplier: string;
  readonly license: string;
  readonly source: string;
  readonly homepage: string;
  /** Where a package may be known without being there: its state. */
  readonly status?: string;
}

/** deb822(5), which opkg took over. */
const deb822 = {
  name: 'Package: ',
  version: 'Version: ',
  architecture: 'Architecture: ',
  supplier: 'Maintainer: ',
  license: 'License: ',
  source: 'Source: ',
  homepage: 'Homepage: ',
  status: 'Status: ',
} as const;

export const dpkgFormat: ParagraphFormat = { manager: 'dpkg', ...deb822 };
export const opkgFormat: ParagraphFormat = { manager: 'opkg', ...deb822 };

/** The installed database of apk-tools, which both of its versions write; see apk-tools, `src/database.c`. */
export const apkFormat: ParagraphFormat = {
  manager: 'apk',
  name: 'P:',
  version: 'V:',
  architecture: 'A:',
  supplier: 'm:',
  license: 'L:',
  source: 'o:',
  homepage: 'U:',
};

type Fact = Exclude<keyof ParagraphFormat, 'manager'>;

/**
 * States in which nothing of a package is there. Every other one has files of it on the disk: one that is being unpacked
 * or configured is neither gone nor new.
 */
const statesOfNothing = /(?:^| )(?:not-installed|config-files)$/;

/**
 * Makes packages of the lines of a database, one paragraph at a time: of what is passed over nothing is kept. Of a field
 * that stands twice the last one counts, as in the programs.
 */
export class ParagraphReader {
  private facts: Partial<Record<Fact, string>> = {};
  private readonly starts: readonly (readonly [fact: Fact, start: string])[];

  /** Paragraphs that have a name and no version, or the other way round. */
  malformed = 0;

  /** @param onPackage gets each package that is there */
  constructor(
    private readonly format: ParagraphFormat,
    private readonly onPackage: (found: InstalledPackage) => void,
  ) {
    const entries = Object.entries(format) as [keyof ParagraphFormat, string][];
    this.starts = entries.filter((entry): entry is [Fact, string] => entry[0] !== 'manager');
  }

  line(line: string): void {
    if (line.trim() === '') {
      this.end();
      return;
    }
    for (const [fact, start] of this.starts) {
      if (!line.startsWith(start)) continue;
      this.facts[fact] = line.slice(start.length);
      return;
    }
  }

  /** To be called after the last line, too. */
  end(): void {
    const { facts } = this;
    this.facts = {};
    const name = tidy(facts.name);
    const version = tidy(facts.version);
    if (statesOfNothing.test((facts.status ?? '').trim())) return;
    if (name !== undefined && version !== undefined)
      this.onPackage(this.packageOf(name, version, facts));
    else if (name !== undefined || version !== undefined) this.malformed++;
  }

  private packageOf(
    name: string,
    version: string,
    facts: Partial<Record<Fact, string>>,
  ): InstalledPackage {
    const architecture = tidy(facts.architecture);
    const supplier = tidy(facts.supplier);
    const license = tidy(facts.license);
    const homepage = tidy(facts.homepage);
    return {
      manager: this.format.manager,
      name,
      version,
      ...(architecture !== undefined && { architecture }),
      ...(supplier !== undefined && { supplier }),
      ...(license !== undefined && { license }),
      ...sourceOf(tidy(facts.source), name, version),
      ...(homepage !== undefined && { homepage }),
    };
  }
}

/** `name` or `name (version)`; a path of a feed or the file of a recipe, as opkg has, is no name of a source. */
export function sourceOf(
  written: string | undefined,
  name: string,
  version: string,
): Pick<InstalledPackage, 'source' | 'sourceVersion'> {
  const [, source, sourceVersion] = /^([^\s()/]+)(?: \(([^\s()]+)\))?$/.exec(written ?? '') ?? [];
  return {
    ...(source !== undefined && !source.endsWith('.bb') && source !== name && { source }),
    ...(sourceVersion !== undefined && sourceVersion !== version && { sourceVersion }),
  };
}

/** A stranger's text as a value: printable, bounded; undefined for nothing. */
export function tidy(text: string | undefined): string | undefined {
  const value = text?.trim() ?? '';
  return value === '' ? undefined : printable(value, longestField);
}
