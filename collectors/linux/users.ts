import { readFileSync, statSync } from 'node:fs';
import type { Paths } from './paths.js';

const longestFileBytes = 1024 * 1024;
const longestNameBytes = 256;

export interface PasswdFile {
  /** Of several names for one uid the first counts, as getpwuid(3) has it. */
  readonly names: ReadonlyMap<number, string>;
  /** Of several lines of one name the first counts. */
  readonly uids: ReadonlyMap<string, number>;
  /** Lines that are no account: wrong number of fields, a uid that is none, a name that cannot be one. */
  readonly skippedLines: number;
}

/** /etc/passwd (passwd(5)): seven fields between colons. Comments, blank lines and NIS marks are passed over. */
export function parsePasswd(text: string): PasswdFile {
  const names = new Map<number, string>();
  const uids = new Map<string, number>();
  let skippedLines = 0;
  for (const line of text.split('\n')) {
    if (line.trim() === '' || /^\s*[#+-]/u.test(line)) continue;
    const fields = line.split(':');
    const [name = '', , uidText = ''] = fields;
    const uid = /^\d{1,10}$/u.test(uidText) ? Number(uidText) : Number.NaN;
    const usable = fields.length === 7 && isName(name) && uid < 0xffff_ffff;
    if (!usable) {
      skippedLines++;
      continue;
    }
    if (!names.has(uid)) names.set(uid, name);
    if (!uids.has(name)) uids.set(name, uid);
  }
  return { names, uids, skippedLines };
}

function isName(name: string): boolean {
  // eslint-disable-next-line no-control-regex -- control characters are what must not be in a name
  return name !== '' && name.length <= longestNameBytes && !/[\u0000-\u001f\u007f\s]/u.test(name);
}

const nobody: PasswdFile = { names: new Map(), uids: new Map(), skippedLines: 0 };

/** User names by uid, read again whenever /etc/passwd is another file or has changed. */
export class UserNames {
  private readonly path: string;
  private file = nobody;
  private version = '';

  constructor(paths: Paths) {
    this.path = `${paths.etcRoot}/passwd`;
  }

  /** The name of the account, or `undefined` where /etc/passwd does not know it or cannot be read. */
  nameOf(uid: number): string | undefined {
    this.refresh();
    return this.file.names.get(uid);
  }

  /** The uid of the account of that name, where /etc/passwd knows it. */
  uidOf(name: string): number | undefined {
    this.refresh();
    return this.file.uids.get(name);
  }

  /** Lines of the file in use that are no account. */
  get skippedLines(): number {
    return this.file.skippedLines;
  }

  private refresh(): void {
    try {
      const stat = statSync(this.path, { bigint: true });
      const version = [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(':');
      if (version === this.version) return;
      this.file =
        stat.size > longestFileBytes ? nobody : parsePasswd(readFileSync(this.path, 'utf8'));
      this.version = version;
    } catch {
      // Missing, forbidden or just being replaced: names are a courtesy, and the next call looks again.
      this.file = nobody;
      this.version = '';
    }
  }
}
