import { printable } from '../../../base/text.js';
import { longestField } from '../databases/package.js';
import { spdxExpression, spdxId } from './spdx.js';

/** The licences that somebody states: SPDX expressions where they can be written so, else the names given to them. */
export interface StatedLicenses {
  readonly licenses: readonly string[];
  /** How many are left out because there are too many. */
  readonly leftOut: number;
}

/** The kernel has 40, a browser more; a consumer wants to know those that matter. */
export const mostLicenses = 32;

/**
 * Takes the lines of a Debian copyright file and keeps the licences of its files, if it is one that machines can read
 * (https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/): that of the whole where its header states one,
 * else those of all its files. Of any other it keeps nothing: its text would have to be interpreted.
 */
export class CopyrightReader {
  private isFirst = true;
  private isHeader = true;
  private hasFiles = false;
  private paragraphLicense: string | undefined;
  private ofWhole: string | undefined;
  private readonly ofFiles = new Set<string>();

  /** @returns false when nothing is to be had of the file */
  line(line: string): boolean {
    if (this.isFirst && line.trim() !== '') {
      this.isFirst = false;
      if (!/^Format(?:-Specification)?:.*(?:copyright-format|dep-?5)/i.test(line)) return false;
    }
    if (line.trim() === '') this.end();
    else if (/^Files:/i.test(line)) this.hasFiles = true;
    else this.paragraphLicense ??= /^License:(.*)$/i.exec(line)?.[1]?.trim();
    return true;
  }

  /** To be called after the last line, too. */
  end(): void {
    const license = this.paragraphLicense ?? '';
    if (license !== '' && this.isHeader) this.ofWhole = license;
    // A paragraph of a licence alone holds the text of one that others name.
    else if (license !== '' && this.hasFiles) this.ofFiles.add(license);
    this.isHeader &&= this.isFirst;
    this.hasFiles = false;
    this.paragraphLicense = undefined;
  }

  stated(): StatedLicenses {
    const written = this.ofWhole === undefined ? [...this.ofFiles] : [this.ofWhole];
    const all = [...new Set(written.map(fromDebian))];
    return {
      licenses: all.slice(0, mostLicenses),
      leftOut: Math.max(0, all.length - mostLicenses),
    };
  }
}

/**
 * The licence of a Debian copyright file in the words of SPDX, where both mean the same: the format says which licence a
 * short name is, and that `+` is "or any later version". What it does not define keeps its name.
 */
export function fromDebian(written: string): string {
  const asWritten = printable(written, longestField);
  // A comma gives "and" and "or" another precedence, which SPDX writes with parentheses.
  if (written.includes(',') || /[()]/.test(written)) return asWritten;
  const parts = written.split(/\s+(and|or)\s+/i).map((part, index) => {
    if (index % 2 === 1) return part.toUpperCase();
    return spdxOfShortName(part);
  });
  if (parts.includes(undefined)) return asWritten;
  return spdxExpression(parts.join(' ')) ?? asWritten;
}

/** Names that the format gives to licences that SPDX calls otherwise. */
const otherNames: Readonly<Record<string, string>> = { expat: 'MIT', cc0: 'CC0-1.0' };

function spdxOfShortName(name: string): string | undefined {
  const family = /^((?:A|L)?GPL|GFDL(?:-NIV)?)-(\d)(?:\.(\d))?(\+|-or-later|-only)?$/i.exec(name);
  if (family !== null) {
    const [, kind = '', major = '', minor = '0', later] = family;
    const [base = '', unvarying] = kind.toUpperCase().split('-');
    const end = later === '+' || later === '-or-later' ? 'or-later' : 'only';
    const invariants = unvarying === undefined ? '' : 'no-invariants-';
    return spdxId(`${base}-${major}.${minor}-${invariants}${end}`);
  }
  const known = otherNames[name.toLowerCase()] ?? spdxId(name);
  if (known !== undefined) return known;
  // The format leaves out `.0` at the end of a version.
  return spdxId(/-\d$/.test(name) ? `${name}.0` : '');
}
