import {
  type FileKind,
  type FileScan,
  type FoundFile,
  type FoundFiles,
  mostListedFiles,
  recordOfKinds,
} from '../../interface/file-scan.js';

export interface ScannedFile extends FoundFile {
  readonly kind: 'file' | 'directory' | 'other';
  /** Whether set-uid bits have an effect on its file system. */
  readonly obeysSetUid: boolean;
}

export interface KnownIds {
  /** Absent: whose files are whose is not known from files. */
  readonly uids?: ReadonlySet<number>;
  readonly gids?: ReadonlySet<number>;
}

const setUid = 0o4000;
const setGid = 0o2000;
const sticky = 0o1000;
const programBits = 0o111;
const writableByOthers = 0o002;

/** Users that systemd makes for services while they run (Users, Groups, UIDs and GIDs on systemd Systems). */
const isDynamic = (id: number): boolean => id >= 61_184 && id <= 65_519;

/** What is remarkable about a file; often nothing. */
export function kindsOf(file: ScannedFile, { uids, gids }: KnownIds): FileKind[] {
  const { kind, mode, uid, gid } = file;
  const kinds: FileKind[] = [];
  const isProgram = (mode & programBits) !== 0;
  if (kind === 'file') {
    if ((mode & (setUid | setGid)) !== 0 && isProgram && file.obeysSetUid) kinds.push('raised');
    if ((mode & writableByOthers) !== 0) kinds.push(isProgram ? 'writablePrograms' : 'writable');
  }
  if (kind === 'directory' && (mode & writableByOthers) !== 0 && (mode & sticky) === 0)
    kinds.push('openDirectories');
  if (uids !== undefined && !uids.has(uid) && !isDynamic(uid)) kinds.push('ownerless');
  if (gids !== undefined && !gids.has(gid) && !isDynamic(gid)) kinds.push('grouplessFiles');
  return kinds;
}

/** Collects what is remarkable; the memory is bounded by `mostListedFiles` of each kind. */
export class Findings {
  private readonly lists = new Map<FileKind, FoundFile[]>();
  private readonly totals = new Map<FileKind, number>();

  constructor(private readonly known: KnownIds) {}

  add(file: ScannedFile): void {
    for (const kind of kindsOf(file, this.known)) {
      this.totals.set(kind, (this.totals.get(kind) ?? 0) + 1);
      const list = this.lists.get(kind) ?? [];
      this.lists.set(kind, list);
      const { path, mode, uid, gid } = file;
      if (list.length < mostListedFiles) list.push({ path, mode, uid, gid });
    }
  }

  result(): FileScan['found'] {
    const of = (kind: FileKind): FoundFiles => ({
      total: this.totals.get(kind) ?? 0,
      first: this.lists.get(kind) ?? [],
    });
    return recordOfKinds(of);
  }
}
