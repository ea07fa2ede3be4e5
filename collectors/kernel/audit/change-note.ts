import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { replaceFileSync } from '../../../base/replace-file.js';
import type { SettableStatus } from './status.js';

export type ChangedStatus = Exclude<SettableStatus, 'ownerPid'>;

/** A value of the audit status before the agent changed it, and what it was changed to. */
export interface StatusChange {
  readonly before: number;
  readonly ours: number;
}

export type StatusChangeMap = ReadonlyMap<ChangedStatus, StatusChange>;

/** Remembers what was changed beyond the life of the process; must not throw. */
export interface ChangeNote {
  read(): StatusChangeMap;
  /** Called before each change is made; an empty map means that nothing is left to take back. */
  write(changes: StatusChangeMap): void;
}

/** For those who change audit only as long as they run. */
export const noNote: ChangeNote = { read: () => new Map(), write: () => undefined };

const names = ['enabled', 'failure', 'backlogLimit', 'backlogWaitTime'] as const;
/** Audit that is locked (2) takes no changes, so that `enabled` never was nor became that. */
const largest: Readonly<Record<ChangedStatus, number>> = {
  enabled: 1,
  failure: 2,
  backlogLimit: 0xffff_ffff,
  backlogWaitTime: 0xffff_ffff,
};

/**
 * Keeps the note in a file, so that the run after a crash takes back what the crashed one changed. A boot resets audit,
 * so that a note of an earlier boot counts for nothing; nor does one that cannot be read.
 * @param bootId names the present boot, `/proc/sys/kernel/random/boot_id`
 */
export function fileNote(
  path: string,
  bootId: string,
  onProblem: (sentence: string) => void,
): ChangeNote {
  return {
    read: () => readNote(path, bootId),
    write: (changes) => {
      try {
        if (changes.size === 0) {
          rmSync(path, { force: true, recursive: true });
          return;
        }
        const text = JSON.stringify({ bootId, changes: Object.fromEntries(changes) });
        if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
          rmSync(path, { recursive: true });
        replaceFileSync(path, `${text}\n`, 0o600);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        onProblem(
          `What the agent changes in the kernel's audit could not be noted in ${path}: ${reason}. After a crash it would not be taken back.`,
        );
      }
    },
  };
}

/** The largest note is far smaller. */
const mostBytes = 4096;

/**
 * The note of an agent that has ended, for the root step after it. The directory belongs to the agent's user, so that
 * no link is followed, nothing waited for, and only numbers that the agent may have found there are believed.
 */
export function foreignNote(path: string, bootId: string): ChangeNote {
  return {
    read: () => readNote(path, bootId),
    write: (changes) => {
      if (changes.size > 0) return;
      try {
        // Removes a link itself, not what it leads to, and no directory.
        unlinkSync(path);
      } catch {
        // Not there, or nothing that an agent wrote.
      }
    },
  };
}

/** What cannot be read counts for nothing. */
function readNote(path: string, bootId: string): StatusChangeMap {
  try {
    return parseNote(readPlainFile(path, mostBytes), bootId);
  } catch {
    return new Map();
  }
}

/** Throws for whatever is no regular file, and for what is larger. */
function readPlainFile(path: string, maxBytes: number): string {
  const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
  const file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    if (!fstatSync(file).isFile()) throw new Error(`${path} is not a regular file`);
    const buffer = Buffer.alloc(maxBytes + 1);
    const length = readSync(file, buffer);
    if (length > maxBytes) throw new Error(`${path} has more than ${maxBytes} bytes`);
    return buffer.toString('utf8', 0, length);
  } finally {
    closeSync(file);
  }
}

function parseNote(text: string, bootId: string): StatusChangeMap {
  const note = JSON.parse(text) as { bootId?: unknown; changes?: unknown } | null;
  const changes = new Map<ChangedStatus, StatusChange>();
  if (note?.bootId !== bootId || typeof note.changes !== 'object' || note.changes === null)
    return changes;
  for (const name of names) {
    const { before, ours } = (note.changes as Record<string, Partial<StatusChange>>)[name] ?? {};
    const most = largest[name];
    if (isWhole(before, most) && isWhole(ours, most)) changes.set(name, { before, ours });
  }
  return changes;
}

function isWhole(value: unknown, largestValue: number): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= largestValue;
}
