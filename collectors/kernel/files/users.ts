import { readFileSync, statSync } from 'node:fs';
import type { Paths } from '../paths.js';
import { parseAccount } from './account-lines.js';

const longestFileBytes = 1024 * 1024;
const longestNameBytes = 256;

interface PasswdFile {
  /** Of several names for one uid the first counts, as getpwuid(3) has it. */
  readonly names: ReadonlyMap<number, string>;
  /** Of several lines of one name the first counts. */
  readonly uids: ReadonlyMap<string, number>;
  /** Lines that are no account, or whose name cannot be shown. */
  readonly skippedLines: number;
}

/** /etc/passwd (passwd(5)). Comments, blank lines and NIS marks are passed over. */
export function parsePasswd(text: string): PasswdFile {
  const names = new Map<number, string>();
  const uids = new Map<string, number>();
  let skippedLines = 0;
  for (const line of text.split('\n')) {
    const account = parseAccount(line);
    if (account === 'passed-over') continue;
    if (account === 'malformed' || !isName(account.name)) {
      skippedLines++;
      continue;
    }
    const { uid, name } = account;
    if (!names.has(uid)) names.set(uid, name);
    if (!uids.has(name)) uids.set(name, uid);
  }
  return { names, uids, skippedLines };
}

function isName(name: string): boolean {
  // eslint-disable-next-line no-control-regex -- control characters are what must not be in a name
  return name.length <= longestNameBytes && !/[\u0000-\u001f\u007f\s]/u.test(name);
}

const nobody: PasswdFile = { names: new Map(), uids: new Map(), skippedLines: 0 };

interface PasswdVersion extends PasswdFile {
  /** Names the file and its state, '' where there was none that could be read. */
  readonly version: string;
  /** When it came to be, wall clock, ms. */
  readonly sinceMs: number;
}

/** More than one change within the lateness of an event is rare. */
const mostVersions = 4;

/** The kernel takes the times of its records from a clock that is behind by a tick, of up to 10 ms (HZ). */
const tickMs = 20;

/**
 * User names by uid. /etc/passwd is looked at with each question about a moment that no look was after, and read again
 * when it is another file or has changed; its last versions are kept, so that an event that is late is given the names of
 * its own moment. A version that nobody asked for while it lasted is not known: then the one before it counts.
 */
export class UserNames {
  private readonly path: string;
  /** The latest first; never empty. */
  private versions: readonly [PasswdVersion, ...PasswdVersion[]] = [
    // No moment is one at which nobody had a name: the first file that is read stands for what was before it.
    { ...nobody, version: '', sinceMs: Number.POSITIVE_INFINITY },
  ];

  /** Wall clock of the last look for a question, ms; what changed before it is known. */
  private lookedMs = Number.NEGATIVE_INFINITY;

  constructor(
    paths: Paths,
    private readonly wallMs: () => number = () => Date.now(),
  ) {
    this.path = `${paths.etcRoot}/passwd`;
  }

  /**
   * The name that the account had at `atMs` (wall clock, ms; now when absent), or `undefined` where /etc/passwd does not
   * know it or cannot be read.
   */
  nameOf(uid: number, atMs = Number.POSITIVE_INFINITY): string | undefined {
    const nowMs = this.wallMs();
    // Of many that are told together, most are of a moment before the look for the first.
    const isSeen = atMs + tickMs <= this.lookedMs && this.lookedMs <= nowMs;
    if (!isSeen) {
      this.refresh();
      this.lookedMs = nowMs;
    }
    const [latest] = this.versions;
    if (latest.sinceMs <= atMs) return latest.names.get(uid);
    // The oldest that is known stands for what was before it as well.
    const oldest = this.versions.findLast(({ version }) => version !== '') ?? latest;
    const version = this.versions.find(({ sinceMs }) => sinceMs <= atMs) ?? oldest;
    return version.names.get(uid);
  }

  /** The uid of the account of that name, where /etc/passwd knows it. */
  uidOf(name: string): number | undefined {
    this.refresh();
    return this.versions[0].uids.get(name);
  }

  /** Lines of the file in use that are no account. */
  get skippedLines(): number {
    return this.versions[0].skippedLines;
  }

  private refresh(): void {
    try {
      const stat = statSync(this.path, { bigint: true });
      const version = [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(':');
      if (version === this.versions[0].version) return;
      const file =
        stat.size > longestFileBytes ? nobody : parsePasswd(readFileSync(this.path, 'utf8'));
      // Renaming a file to another name changes its status, on nearly every file system.
      this.add({ ...file, version, sinceMs: Number(stat.ctimeNs / 1_000_000n) });
    } catch {
      // Missing, forbidden or just being replaced: names are a courtesy, and the next call looks again.
      if (this.versions[0].version !== '') {
        this.add({ ...nobody, version: '', sinceMs: this.wallMs() });
      }
    }
  }

  private add(version: PasswdVersion): void {
    this.versions = [version, ...this.versions.slice(0, mostVersions - 1)];
  }
}
