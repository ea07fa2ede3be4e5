import type { FoundChange, FoundChanges } from './found-change.js';
import type { Doer, KnownProcess } from './sources/touch.js';

/** What is to be told: a change, or a burst of them as one. */
export type Told = FoundChange | FoundChanges;

interface Group {
  readonly key: string;
  readonly first: FoundChange[];
  count: number;
  readonly sinceMs: number;
  lastMs: number;
  /** The processes that all of its changes have above them, the nearest first. */
  common: readonly KnownProcess[];
  readonly doer: Doer | undefined;
}

/** More at once of one doer is a burst. */
const mostSingle = 10;
/** Of what happened while the agent did not run. */
const mostSingleWhileDown = 50;
const quietMs = 2000;
const longestMs = 20_000;
/** Between unpacking and configuring a package there may be some seconds. */
const installing = { quietMs: 5000, longestMs: 120_000 };
const mostGroups = 64;

/**
 * Puts the changes together that one process tree made within a short time.
 *
 * 1. Each change is told once: by itself, or counted in a burst.
 * 2. Two or more of what installs packages are a burst, of others more than ten.
 * 3. Nothing waits longer than 20 s, of what installs than 2 min. A group that becomes a burst keeps no more than its
 *    first ten, and there are at most 64 groups: the oldest is told early.
 */
export class Folding {
  private readonly groups = new Map<string, Group>();

  constructor(private readonly onTold: (told: Told) => void) {}

  /** How many groups wait. */
  get size(): number {
    return this.groups.size;
  }

  take(change: FoundChange, nowMs: number): void {
    const group = this.groupOf(change, nowMs);
    group.count++;
    group.lastMs = nowMs;
    if (group.first.length < mostOf(group)) group.first.push(change);
    group.common = commonOf(group.common, change.doer);
  }

  /** Counts changes that nobody looked at with those that are waiting, or of nobody. */
  count(changes: number, doer: Doer | undefined, nowMs: number): void {
    const group = this.groups.get(keyOf(doer, undefined));
    if (group === undefined) return;
    group.count += changes;
    group.lastMs = nowMs;
  }

  /** Tells what is quiet or has waited long enough; answers in how many ms to ask again, if at all. */
  tell(nowMs: number): number | undefined {
    let nextMs: number | undefined;
    for (const group of [...this.groups.values()]) {
      const times = group.doer?.installs === true ? installing : { quietMs, longestMs };
      const dueMs = Math.min(group.lastMs + times.quietMs, group.sinceMs + times.longestMs);
      if (dueMs <= nowMs) this.release(group);
      else nextMs = Math.min(nextMs ?? Infinity, dueMs - nowMs);
    }
    return nextMs;
  }

  /** Tells everything. */
  flush(): void {
    for (const group of [...this.groups.values()]) this.release(group);
  }

  private groupOf(change: FoundChange, nowMs: number): Group {
    const key = keyOf(change.doer, change.notBeforeMs);
    const known = this.groups.get(key);
    if (known !== undefined) return known;
    const [oldest] = this.groups.size >= mostGroups ? this.groups.values() : [];
    if (oldest !== undefined) this.release(oldest);
    const { doer } = change;
    const group: Group = {
      ...{ key, first: [], count: 0, sinceMs: nowMs, lastMs: nowMs, doer },
      common: doer === undefined ? [] : [doer.process, ...doer.above],
    };
    this.groups.set(key, group);
    return group;
  }

  private release(group: Group): void {
    this.groups.delete(group.key);
    const { count, doer } = group;
    const first = withRenames(group.first);
    const most = doer?.installs === true ? 1 : mostOf(group);
    // Both ends of a rename were counted.
    const all = count - (group.first.length - first.length);
    if (all <= most) {
      for (const change of first) this.onTold(change);
      return;
    }
    const [earliest] = first;
    if (earliest === undefined) return;
    const [process] = group.common;
    this.onTold({
      first: first.slice(0, mostSingle),
      count: all,
      timeMs: earliest.timeMs,
      doer: doer === undefined || process === undefined ? undefined : { ...doer, process },
      ...(earliest.notBeforeMs !== undefined && { notBeforeMs: earliest.notBeforeMs }),
    });
  }
}

function mostOf({ first }: Pick<Group, 'first'>): number {
  return first[0]?.notBeforeMs === undefined ? mostSingle : mostSingleWhileDown;
}

/** What was started together is told together, for each user by itself. */
function keyOf(doer: Doer | undefined, notBeforeMs: number | undefined): string {
  if (doer === undefined) return notBeforeMs === undefined ? 'unknown' : 'while down';
  const top = doer.above.at(-1) ?? doer.process;
  return `${top.pid} ${doer.loginUid ?? ''}`;
}

function commonOf(
  common: readonly KnownProcess[],
  doer: Doer | undefined,
): readonly KnownProcess[] {
  if (doer === undefined || common.length === 0) return [];
  const pids = new Set([doer.process, ...doer.above].map(({ pid }) => pid));
  const kept = common.filter(({ pid }) => pids.has(pid));
  return kept.length === common.length ? common : kept;
}

/** A file that went at one path and is at another was renamed. */
function withRenames(changes: readonly FoundChange[]): readonly FoundChange[] {
  const gone = new Map<string, FoundChange>();
  for (const change of changes) {
    const { before } = change;
    if (change.change === 'Deleted' && before !== undefined) gone.set(before.inode, change);
  }
  const used = new Set<FoundChange>();
  const renamed = changes.map((change): FoundChange => {
    const source = change.after && gone.get(change.after.inode);
    const isNew = change.before?.inode !== change.after?.inode;
    const isSameKind = source?.before?.type === change.after?.type;
    if (source === undefined || !isNew || !isSameKind || used.has(source)) return change;
    used.add(source);
    return { ...change, change: 'Renamed', renamedFrom: source.path, before: source.before };
  });
  return renamed.filter((_, index) => !used.has(changes[index] as FoundChange));
}
