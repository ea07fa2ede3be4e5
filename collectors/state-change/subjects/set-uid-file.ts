import { lstat } from 'node:fs/promises';
import { clockIsSetAfterMs } from '../../../base/clock.js';
import { hasCode } from '../../../base/errors.js';
import type { JsonObject } from '../../../base/json.js';
import { isUnavailable } from '../../../base/unavailable.js';
import type { RunningCollector } from '../../interface/collector.js';
import type { Host } from '../../interface/host.js';
import type {
  Items,
  LookContext,
  Subject,
  SubjectWatchContext,
  Who,
} from '../../interface/state-subject.js';
import { type ModeChange, modeRules, readModeChange } from '../../kernel/audit/mode-change.js';
import { HostFiles } from '../../os-baseline/facts/host-files.js';
import { FileMarks, versionOf } from './file-marks.js';
import { LookPace } from './look-pace.js';
import { isRaised, type Places, placesOf, raisedIn, raisedInUsual } from './set-uid-places.js';
import { comparedEveryMs, SetUidWatch } from './set-uid-watch.js';

/** What is not where a call put it may get its name later: so often it is looked for. */
const mostTries = 3;
const mostPending = 64;
/** Of calls that do not tell their file, at one look, and of entries of directories for each. */
const mostGuesses = 8;
const mostEntries = 2_000;
/** The names that dpkg gives files until all of a package are there. */
const onTheWay = /\.dpkg-(?:new|tmp)$/u;
const memoryName = 'set-uid-scan';

/** Of the first looks, over restarts. */
interface Remembered {
  /** When this was looked at first, wall clock, ms; undefined before. */
  readonly firstMs?: number;
  /** A scan of all files was compared since. */
  readonly isScanned: boolean;
}

interface SeenFile {
  readonly item: string;
  readonly text: string;
  readonly changedMs: number;
  readonly inode?: number;
}

/** A call whose file was not seen yet. */
interface Pending {
  readonly places: Places;
  /** Of the file; it tells it from others where its places are guessed. */
  readonly inode: number | undefined;
  readonly who: Who;
  tries: number;
}

/**
 * The programs that run with the rights of their owner or group, with their mode, owner and a sum of what is in them.
 *
 * 1. A new one is noticed by the call that made it one, where there is kernel audit, and otherwise by the scan of all
 *    files in the maintenance window; by that also one of which the call could not be read, or was none (a mount).
 * 2. A change of one that is known is noticed (`set-uid-watch.ts`).
 * 3. What the first scan finds and was last changed before the first look was there before: it is not told.
 */
export function setUidFile(): Subject {
  return new SetUidFiles();
}

class SetUidFiles implements Subject {
  readonly name = 'SetUidFile';
  private readonly marks = new FileMarks();
  /** Who made what the last look found. */
  private readonly whos = new Map<string, Who>();
  private pending: Pending[] = [];
  private search = false;
  /** No look of this run has ended yet. */
  private isFirst = true;
  private pace: LookPace | undefined;
  private watching: SetUidWatch | undefined;
  private scannedMs: number | undefined;
  private remembered: Remembered | undefined;
  private old: ReadonlySet<string> = new Set();

  async look({ host, known, signal }: LookContext): Promise<Items> {
    const files = await HostFiles.open({ paths: host.paths, signal });
    const root = (await files.locate('/')).replace(/\/$/u, '');
    this.remembered ??= parseRemembered(await host.memory.read(memoryName));
    const { isScanned } = this.remembered;
    // A clock that is not set yet would make everything new.
    const nowMs = host.clock.wallMs();
    const firstMs = this.remembered.firstMs ?? (nowMs > clockIsSetAfterMs ? nowMs : Infinity);
    const scan = host.fileScans.latest();

    const wanted = new Set(known?.keys());
    for (const { path } of scan?.found.raised.first ?? []) wanted.add(path);
    const { pending } = this;
    this.pending = [];
    let guesses = mostGuesses;
    for (const { places, tries } of pending) {
      for (const file of places.files) wanted.add(file);
      if (tries > 0 || places.directories.length === 0 || --guesses < 0) continue;
      const within = places.directories.map((directory) => [directory, 1] as const);
      for (const file of await raisedIn(root, within, signal, mostEntries)) wanted.add(file);
    }
    // What was made while the agent did not run no call has told.
    if (this.isSearchDue(host) || this.isFirst)
      for (const path of await raisedInUsual(root, signal)) wanted.add(path);

    const found = new Map<string, string>();
    const seen = new Map<string, string>();
    const inodes = new Map<string, number>();
    const old = new Set<string>();
    for (const path of [...wanted].sort()) {
      const one = await this.lookAt({ files, host, root, path, known, signal, seen });
      if (one === undefined) continue;
      found.set(one.item, one.text);
      if (one.inode !== undefined) inodes.set(one.item, one.inode);
      if (!isScanned && one.changedMs < firstMs) old.add(one.item);
    }
    this.isFirst = false;
    this.settle(pending, inodes);
    for (const item of this.whos.keys()) old.delete(item);
    this.old = old;
    this.scannedMs = scan?.startedMs;
    this.marks.keepOnly(found);
    const isSearching = this.pending.length > 0 || this.search;
    this.watching?.looked({ versions: seen, isSearching });
    const isComplete = scan !== undefined && scan.incomplete === undefined;
    const isFirst = this.remembered.firstMs === undefined && firstMs !== Infinity;
    if (isFirst || (isComplete && !isScanned)) {
      this.remembered = {
        ...(firstMs !== Infinity && { firstMs }),
        isScanned: isScanned || isComplete,
      };
      host.memory.write(memoryName, { ...this.remembered });
    }
    return found;
  }

  whoOf(item: string): Who | undefined {
    return this.whos.get(item);
  }

  isOld(item: string): boolean {
    return this.old.has(item);
  }

  async watch(context: SubjectWatchContext): Promise<RunningCollector> {
    const { changed, fail, host, lose } = context;
    this.pace = newPace(host);
    const watching = new SetUidWatch(context, () => this.isLookDue(host));
    this.watching = watching;
    const audit = await host.audit.subscribe({
      name: 'StateChange of SetUidFile',
      rules: modeRules,
      onEvent: (event) => {
        const change = readModeChange(event);
        if (change === undefined) return;
        this.notice(change, host);
        changed();
      },
      lose,
      onState: () => undefined,
      onFailed: fail,
    });
    const why = isUnavailable(audit) ? audit.unavailable : undefined;
    context.limit(
      why && `New set-uid files are noticed by the scan of the maintenance window only: ${why}`,
    );
    await watching.start();
    return {
      stop: async () => {
        await watching.stop();
        if (!isUnavailable(audit)) await audit.end();
      },
    };
  }

  private notice(change: ModeChange, host: Host): void {
    const { executable, pid, uid } = change;
    const who: Who = {
      pid,
      ...(executable !== undefined && { executable }),
      ...(uid !== undefined && { userId: String(uid) }),
    };
    const places = placesOf(change, host.paths);
    const isKnown = places.files.length + places.directories.length > 0;
    if (!isKnown || this.pending.length >= mostPending) this.search = true;
    else this.pending.push({ places, inode: change.inode, who, tries: 0 });
  }

  /** What of the pending calls was found is theirs; the rest is looked for again, and then anywhere. */
  private settle(pending: readonly Pending[], inodes: ReadonlyMap<string, number>): void {
    this.whos.clear();
    for (const call of pending) {
      const { directories, files } = call.places;
      const [same] = [...inodes].find(([, inode]) => inode === call.inode) ?? [];
      // A file that was named may have been replaced since.
      const named = directories.length === 0 ? files.find((file) => inodes.has(file)) : undefined;
      const file = same ?? named;
      if (file !== undefined) this.whos.set(file, call.who);
      else if (++call.tries < mostTries && this.pending.length < mostPending)
        this.pending.push(call);
      // A program may be where nobody looked; one that is gone already is none.
      if (file === undefined && call.tries >= mostTries - 1) this.search = true;
    }
  }

  private isSearchDue(host: Host): boolean {
    this.pace ??= newPace(host);
    if (!this.search || this.pace.waitMs() > 0) return false;
    this.search = false;
    this.pace.took();
    return true;
  }

  private async lookAt(options: {
    readonly files: HostFiles;
    readonly host: Host;
    readonly root: string;
    readonly path: string;
    readonly known: Items | undefined;
    readonly signal: AbortSignal;
    readonly seen: Map<string, string>;
  }): Promise<SeenFile | undefined> {
    const { files, host, known, path, root, seen, signal } = options;
    try {
      const place = await files.locate(path, 'unfollowed');
      const item = place.slice(root.length);
      const stats = await lstat(place);
      if (!isRaised(stats) || onTheWay.test(item)) return undefined;
      seen.set(place, versionOf(stats));
      const mark = await this.marks.of(place, item, stats, signal);
      const owner = host.users.nameOf(stats.uid) ?? String(stats.uid);
      const mode = (stats.mode & 0o7777).toString(8);
      const about = `mode ${mode}, owner ${owner}, group ${stats.gid}`;
      const before = known?.get(item);
      // What cannot be read is not known to be different.
      const text =
        mark === undefined
          ? before?.startsWith(`${about},`) === true
            ? before
            : about
          : `${about}, ${mark}`;
      return { item, text, changedMs: stats.ctimeMs, inode: stats.ino };
    } catch (error) {
      signal.throwIfAborted();
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
      const text = known?.get(path);
      return text === undefined ? undefined : { item: path, text, changedMs: 0 };
    }
  }

  private isLookDue({ fileScans }: Host): boolean {
    if (this.pending.length > 0 || this.search) return true;
    return fileScans.latest()?.startedMs !== this.scannedMs;
  }
}

/** Of searches in all directories of programs. */
function newPace({ clock }: Host): LookPace {
  return new LookPace(clock, comparedEveryMs, 6, 10 * comparedEveryMs);
}

function parseRemembered(stored: JsonObject | undefined): Remembered {
  const { firstMs, isScanned } = stored ?? {};
  return {
    ...(typeof firstMs === 'number' && { firstMs }),
    isScanned: isScanned === true,
  };
}
