import { lstat, readdir } from 'node:fs/promises';
import { posix } from 'node:path';
import { BoundedMap } from '../../base/bounded-map.js';
import type { Timer } from '../../base/clock.js';
import { Turns } from '../../base/turns.js';
import type { Unavailable } from '../../base/unavailable.js';
import { BestSource } from '../interface/best-source.js';
import type { RunningCollector, TriggeredContext } from '../interface/collector.js';
import type { FileCallEvent } from '../kernel/audit/file-call.js';
import { changeOf, type FileState, inodeOf, readState } from './file-state.js';
import { Folding } from './folding.js';
import type { FoundChange } from './found-change.js';
import { KnownFiles } from './known-files.js';
import { observationOf } from './payload.js';
import { type Mark, Pending } from './pending.js';
import type { Places } from './places/places.js';
import { wantedPlaces } from './places/wanted.js';
import { scanPlaces } from './scan.js';
import { auditSource } from './sources/audit.js';
import { type Followed, inotifySource } from './sources/inotify.js';
import type { Doer, FileFacts, Touch } from './sources/touch.js';

type Context = TriggeredContext<'FileChange'>;

/** What was found at a look, as far as only who asked for it knows. */
interface Circumstances {
  readonly timeMs: number;
  readonly doer?: Doer | undefined;
  readonly notBeforeMs?: number | undefined;
  /** Whether what was not known before is new, or was only not looked at. */
  readonly isNewKnown: boolean;
  /** A source told that something was done to it. */
  readonly isSeen: boolean;
}

const memoryName = 'file-change';
const writeAfterMs = 30_000;
const settingsMs = 60_000;
/** Links above a watched path are looked at so often; other reasons to look at the places again are told. */
const placesMs = 3_600_000;
const rescanAfterMs = 5_000;
/** A call is told some seconds later at most. */
const doerWithinMs = 10_000;
const rememberedDoers = 2048;

/**
 * What is watched, as it was and is, and who changed it.
 *
 * 1. A change is what differs between two looks; sources only say where to look, and who was there.
 * 2. Each difference is told once: what is known of a path changes with the telling. It is written down after that.
 * 3. What nobody saw happen is told as that of nobody: while the agent did not run, and what sources missed.
 * 4. Memory is bounded by the bounds of its parts.
 */
export class FileWatch implements RunningCollector, Followed {
  places: Places;
  readonly directories = new Set<string>();
  onDirectory: ((path: string) => void) | undefined;
  limitation = '';
  private readonly known = new KnownFiles();
  private readonly doers = new BoundedMap<string, { readonly timeMs: number; readonly doer: Doer }>(
    rememberedDoers,
  );
  private readonly pending: Pending;
  private readonly folding: Folding;
  private source: BestSource<FileFacts>;
  private readonly timers = new Map<'fold' | 'write' | 'settings' | 'rescan', Timer>();
  private readonly turns = new Turns();
  private stopped = false;
  /** By which setting, and when, the places were found. */
  private placesAt: ReturnType<FileWatch['settingAndTime']> | undefined;
  private scanning: Promise<void> = Promise.resolve();
  private isScanned = false;
  /** Places that an earlier run looked at, and when; undefined when none did. */
  private earlier: ReturnType<KnownFiles['take']>;

  constructor(
    private readonly context: Context,
    places: Places,
  ) {
    const { clock, emit, host, lose } = context;
    this.places = places;
    this.folding = new Folding((told) =>
      emit(observationOf(told, (uid, timeMs) => host.users.nameOf(uid, timeMs))),
    );
    this.pending = new Pending({
      clock,
      look: (path, mark) => this.lookAt(path, mark),
      onOverflow: (doer) => {
        lose('fileChangesPending', 1);
        this.folding.count(1, doer, clock.monotonicMs());
        this.rescanSoon();
      },
    });
    this.source = this.newSource();
  }

  /** Resolves with the reason when no source works. */
  async start(): Promise<Unavailable | undefined> {
    const { host } = this.context;
    this.earlier = this.known.take(await host.memory.read(memoryName));
    this.say();
    const unavailable = await this.source.start();
    if (unavailable !== undefined) return unavailable;
    this.scanning = this.scan(true);
    this.placesAt = this.settingAndTime();
    this.after('settings', settingsMs, () => this.followSettings());
    return undefined;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.pending.stop();
    for (const timer of this.timers.values()) timer.cancel();
    await this.source.stop();
    this.folding.flush();
    if (this.isScanned) this.write();
  }

  touchesOf(call: FileCallEvent, doer: () => Doer): readonly Touch[] {
    const touches: Touch[] = [];
    for (const { directories, inode, isNew, name, path } of call.files) {
      const places = directories
        .map((directory) => this.known.directoryOf(directory))
        .filter((directory) => directory !== undefined && name !== undefined)
        .map((directory) => posix.join(directory ?? '', name ?? ''));
      // By the directory where that is known: a name may be relative to it, or lead over a link.
      const paths = places.length > 0 || path === undefined ? places : [this.ofDevice(path)];
      const covered = paths.filter((candidate) => this.places.covers(candidate));
      for (const candidate of covered)
        touches.push({ path: candidate, inode, timeMs: call.timeMs, isNew, doer: doer() });
      // A file that is written under another name and then renamed is known by its inode.
      if (covered.length === 0 && inode !== undefined)
        touches.push({ path: undefined, inode, timeMs: call.timeMs, doer: doer() });
    }
    return touches;
  }

  private ofDevice(path: string): string {
    const { root } = this.places;
    return path.startsWith(`${root}/`) ? path.slice(root.length) : path;
  }

  private newSource(): BestSource<FileFacts> {
    return new BestSource({
      ...this.context,
      sources: [auditSource(this), inotifySource(this)],
      setting: 'auto',
      onFacts: (facts) => this.take(facts),
    });
  }

  private take(facts: FileFacts): void {
    if (facts === 'missed') {
      this.rescanSoon();
      return;
    }
    const { doer, inode, isNew, path, timeMs } = facts;
    if (doer !== undefined) {
      if (path !== undefined) this.doers.set(path, { timeMs, doer });
      if (inode !== undefined) this.doers.set(inode, { timeMs, doer });
    }
    if (path !== undefined && this.places.covers(path))
      this.pending.mark(path, { timeMs, doer, isNew });
  }

  private async lookAt(path: string, { doer, isNew, timeMs }: Mark): Promise<void> {
    const isKnown = (this.isScanned || this.wasCovered(path)) && !this.known.isFull;
    const isNewKnown = isKnown || isNew === true;
    const before = this.known.get(path);
    const after = await this.compare(path, { timeMs, doer, isNewKnown, isSeen: true });
    if (after === 'failed') return;
    const isLink = before?.type === 'link' || after?.type === 'link';
    if (before !== after && (path === '/etc/passwd' || isLink)) void this.followPlaces();
    const isDirectory = after?.type === 'directory' && this.places.entersInto(path);
    if (isDirectory && before?.inode !== after.inode) await this.enter(path, { timeMs, doer });
    if (after === undefined && before?.type === 'directory') {
      this.directories.delete(path);
      for (const below of [...this.known.paths])
        if (below.startsWith(`${path}/`)) this.pending.mark(below, { timeMs, doer });
    }
  }

  /** A directory that came, with what is in it. */
  private async enter(path: string, mark: Mark): Promise<void> {
    this.follow(path);
    try {
      for (const name of await readdir(this.places.root + path)) {
        const entry = posix.join(path, name);
        if (this.places.covers(entry)) this.pending.mark(entry, mark);
      }
    } catch {
      this.context.lose('fileLookFailed', 1);
    }
  }

  private follow(path: string): void {
    if (this.directories.size >= mostDirectories) return;
    this.directories.add(path);
    this.onDirectory?.(path);
  }

  /** Whether an earlier run looked at what was at the path. */
  private wasCovered(path: string): boolean {
    for (let at = path; at !== '/'; at = posix.dirname(at))
      if (this.earlier?.covered.has(at) === true) return true;
    return false;
  }

  /** Looks at a path, tells how it differs, and knows it from now on; one at a time, so that each is told once. */
  private compare(
    path: string,
    circumstances: Circumstances,
  ): Promise<FileState | 'failed' | undefined> {
    return this.turns.run(() => this.compareNow(path, circumstances));
  }

  private async compareNow(
    path: string,
    { isNewKnown, isSeen, ...found }: Circumstances,
  ): Promise<FileState | 'failed' | undefined> {
    const before = this.known.get(path);
    let after: FileState | undefined;
    try {
      after = await readState(this.places.root, path, before);
    } catch {
      this.context.lose('fileLookFailed', 1);
      return 'failed';
    }
    if (this.stopped) return after;
    const change = changeOf(before, after);
    if (after === undefined) this.known.delete(path);
    else if (after !== before) this.known.set(path, after);
    if (change === undefined) return after;
    const doer = found.doer ?? this.doerOf(path, [after?.inode, before?.inode], found.timeMs);
    if (change !== 'Created' || isNewKnown) {
      this.tell({ path, before, after, change, timeMs: found.timeMs, doer, ...notBefore(found) });
    } else if (isSeen && doer !== undefined) {
      // Somebody was seen to change it before the first look at it.
      this.tell({ path, before, after, change: 'Changed', timeMs: found.timeMs, doer });
    }
    this.writeSoon();
    return after;
  }

  private doerOf(
    path: string,
    inodes: readonly (string | undefined)[],
    timeMs: number,
  ): Doer | undefined {
    for (const key of [path, ...inodes]) {
      const known = key === undefined ? undefined : this.doers.get(key);
      if (known !== undefined && Math.abs(known.timeMs - timeMs) < doerWithinMs) return known.doer;
    }
    return undefined;
  }

  private tell(change: FoundChange): void {
    const nowMs = this.context.clock.monotonicMs();
    this.folding.take(change, nowMs);
    this.fold();
  }

  private fold(): void {
    if (this.timers.has('fold')) return;
    const nextMs = this.folding.tell(this.context.clock.monotonicMs());
    if (nextMs !== undefined)
      this.after('fold', Math.max(nextMs, shortestFoldMs), () => this.fold());
  }

  /** @param isFirst of this run: what differs happened while it did not run */
  private async scan(isFirst: boolean): Promise<void> {
    const { clock, host, lose } = this.context;
    const { earlier, places } = this;
    const present = new Set<string>();
    const notBeforeMs = isFirst ? earlier?.atMs : undefined;
    const isWhole = await scanPlaces({
      places,
      clock,
      look: async (path, place) => {
        present.add(path);
        // Whoever waits for its look is told with who did it.
        if (this.pending.has(path)) return this.known.get(path)?.type === 'directory';
        const after = await this.compare(path, {
          timeMs: clock.wallMs(),
          isNewKnown: (earlier?.covered.has(place) ?? false) && !this.known.isFull,
          notBeforeMs,
          isSeen: false,
        });
        return after !== 'failed' && after?.type === 'directory';
      },
      onDirectory: (path) => this.follow(path),
      onFailed: () => lose('fileLookFailed', 1),
      isStopped: () => this.stopped || this.places !== places,
    });
    if (this.stopped || this.places !== places) return;
    for (const path of [...this.known.paths]) {
      if (present.has(path) || this.pending.has(path)) continue;
      if (!places.covers(path)) this.known.delete(path);
      else if (isWhole)
        await this.compare(path, {
          ...{ timeMs: clock.wallMs(), notBeforeMs, isNewKnown: true, isSeen: false },
        });
    }
    await this.placeParents(places, host.paths.root);
    this.earlier = { atMs: clock.wallMs(), covered: new Set(places.all.map(({ path }) => path)) };
    this.isScanned = true;
    this.limitation = limitationOf(places, isWhole && !this.known.isFull);
    this.writeSoon();
  }

  /** Directories in which single files are watched, so that calls with relative names are understood. */
  private async placeParents(places: Places, root: string): Promise<void> {
    const parents = new Set(
      places.all.filter(({ reach }) => reach === 'file').map(({ path }) => posix.dirname(path)),
    );
    for (const parent of parents) {
      const stats = await lstat(root + parent).catch(() => undefined);
      if (stats?.isDirectory() === true) this.known.placeDirectory(inodeOf(stats), parent);
    }
  }

  private rescanSoon(): void {
    this.timers.get('rescan')?.cancel();
    this.after('rescan', rescanAfterMs, () => {
      this.scanning = this.scanning.then(() => this.scan(false));
    });
  }

  /** Asks no disk as long as the twin says the same: it is asked each minute. */
  private followSettings(): void {
    this.after('settings', settingsMs, () => this.followSettings());
    const { setting, timeMs } = this.settingAndTime();
    if (setting === this.placesAt?.setting && timeMs - this.placesAt.timeMs < placesMs) return;
    void this.followPlaces();
  }

  private settingAndTime(): { readonly setting: string; readonly timeMs: number } {
    const { clock, host } = this.context;
    const { fileChangePaths, fileChangePathsRecursive } = host.twin.current;
    const setting = `${fileChangePathsRecursive} ${fileChangePaths ?? ''}`;
    return { setting, timeMs: clock.monotonicMs() };
  }

  /** Other places, when the twin or the accounts name others, or links lead elsewhere. */
  private async followPlaces(): Promise<void> {
    this.placesAt = this.settingAndTime();
    const places = await wantedPlaces(this.context.host);
    if (this.stopped || places.says === this.places.says) return;
    this.places = places;
    this.say();
    const before = this.source;
    this.source = this.newSource();
    const unavailable = await this.source.start();
    await before.stop();
    if (unavailable !== undefined) this.context.fail(new Error(unavailable.unavailable));
    else this.scanning = this.scanning.then(() => this.scan(false));
  }

  private say(): void {
    this.limitation = limitationOf(this.places, true);
  }

  private writeSoon(): void {
    if (!this.timers.has('write')) this.after('write', writeAfterMs, () => this.writeWhenTold());
  }

  /** What is not told yet must be found again after a crash. */
  private writeWhenTold(): void {
    if (!this.isScanned || this.folding.size > 0) this.writeSoon();
    else this.write();
  }

  private write(): void {
    const covered = this.places.all.map(({ path }) => path);
    const { clock, host } = this.context;
    host.memory.write(memoryName, this.known.toJson(covered, clock.wallMs()));
  }

  private after(name: 'fold' | 'write' | 'settings' | 'rescan', delayMs: number, act: () => void) {
    this.timers.get(name)?.cancel();
    if (this.stopped) return;
    const timer = this.context.clock.after(delayMs, () => {
      this.timers.delete(name);
      act();
    });
    this.timers.set(name, timer);
  }
}

const mostDirectories = 512;
const shortestFoldMs = 200;

function notBefore({ notBeforeMs }: Pick<Circumstances, 'notBeforeMs'>) {
  return notBeforeMs === undefined ? {} : { notBeforeMs };
}

function limitationOf({ homesWithoutWho }: Places, isWhole: boolean): string {
  return [
    homesWithoutWho > 0 ? `In ${homesWithoutWho} homes it is not known who changed a file.` : '',
    isWhole ? '' : 'There is more below the watched paths than is looked at (4,096 files).',
  ]
    .filter(Boolean)
    .join(' ');
}
