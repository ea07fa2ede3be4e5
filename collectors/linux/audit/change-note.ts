import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
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
    read: () => {
      try {
        return parseNote(readSmallFile(path), bootId);
      } catch {
        return new Map();
      }
    },
    write: (changes) => {
      try {
        if (changes.size === 0) {
          rmSync(path, { force: true, recursive: true });
          return;
        }
        const text = JSON.stringify({ bootId, changes: Object.fromEntries(changes) });
        // What is left there may be anything, also a pipe that would not be opened before somebody reads it.
        rmSync(`${path}.new`, { force: true, recursive: true });
        writeFileSync(`${path}.new`, `${text}\n`, { mode: 0o600, flag: 'wx', flush: true });
        if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
          rmSync(path, { recursive: true });
        renameSync(`${path}.new`, path);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        onProblem(
          `What the agent changes in the kernel's audit could not be noted in ${path}: ${reason}. After a crash it would not be taken back.`,
        );
      }
    },
  };
}

/** Far more than a note has. */
const largestBytes = 4096;

/** Waits for nobody, whatever stands at the path, and reads no more than a note can have. */
function readSmallFile(path: string): string {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(descriptor).isFile()) return '';
    const bytes = Buffer.alloc(largestBytes);
    return bytes.toString('utf8', 0, readSync(descriptor, bytes));
  } finally {
    closeSync(descriptor);
  }
}

function parseNote(text: string, bootId: string): StatusChangeMap {
  const note = JSON.parse(text) as { bootId?: unknown; changes?: unknown } | null;
  const changes = new Map<ChangedStatus, StatusChange>();
  if (note?.bootId !== bootId || typeof note.changes !== 'object') return changes;
  for (const name of names) {
    const { before, ours } = (note.changes as Record<string, Partial<StatusChange>>)[name] ?? {};
    if (isUint32(before) && isUint32(ours)) changes.set(name, { before, ours });
  }
  return changes;
}

function isUint32(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 0xffff_ffff;
}
