import { constants } from 'node:os';
import { posix } from 'node:path';
import type { ReportLoss } from '../../../base/loss.js';
import type { Unavailable } from '../../../base/unavailable.js';
import { errnoText, type Libc } from '../libc.js';
import type { KernelReader } from '../reader.js';
import { inotifyBits as bits, type InotifyEvent, parseInotify } from './inotify-events.js';

/** Changes of files and directories as they are made, without who made them. */
export interface FileEvents {
  /** Every change from then on is told. */
  subscribe(subscriber: FileEventSubscriber): Promise<FileEventSubscription | Unavailable>;
}

export interface FileEvent {
  /** The watched path, or an entry of a watched directory. */
  readonly path: string;
  /**
   * `changed`: of content; `attributes`: mode, owner, times or number of links. `above`: a directory above the watched
   * path came or went, and what is at the path now has to be looked at.
   */
  readonly kind:
    'created' | 'changed' | 'deleted' | 'movedFrom' | 'movedTo' | 'attributes' | 'above';
  /** The same in `movedFrom` and `movedTo` of one rename, 0 otherwise. */
  readonly cookie: number;
  readonly isDirectory: boolean;
}

export interface FileEventSubscriber {
  /**
   * Absolute and normalised. Of a directory its entries are watched too, not those of its subdirectories. What does not
   * exist is noticed when it comes.
   */
  readonly paths: readonly string[];
  /** Must not throw. */
  readonly onEvent: (event: FileEvent) => void;
  /** Events were lost, which may have been of any path. */
  readonly onMissed: () => void;
  readonly lose: ReportLoss;
  /** The kernel tells no more, and the subscription ended. */
  readonly onFailed: (error: Error) => void;
}

export interface FileEventSubscription {
  /** Watches one path more; says why when it cannot. */
  watch(path: string): Unavailable | undefined;
  unwatch(path: string): void;
  /** Never throws. */
  end(): void;
}

interface FileEventsOptions {
  readonly libc: Pick<Libc, 'inotify' | 'addFileWatch' | 'removeFileWatch' | 'readBytes' | 'close'>;
  readonly reader: Pick<KernelReader, 'add' | 'remove'>;
  /** Directories that are watched at most. */
  readonly mostWatches?: number;
}

/** A path that somebody watches. */
interface Wanted {
  readonly path: string;
  readonly subscribers: Set<FileEventSubscriber>;
  /** The directories that are watched for it: itself, and the nearest above it that is there. */
  held: ReadonlySet<string>;
}

/**
 * The kernel's news of files (inotify(7)), for all who watch some.
 *
 * 1. One descriptor, and only while somebody listens; a directory is watched once, for whoever needs it.
 * 2. A path is noticed to come, also with directories above it, and to go, as long as the nearest directory above it that
 *    is there is not moved together with one further above.
 * 3. What came while a watch was being set is not told by itself: `above`, or the event of the directory, tells to look.
 * 4. At most `mostWatches` directories are watched; what is beyond is refused.
 */
export class KernelFileEvents implements FileEvents {
  private fd: number | undefined;
  private readonly wanted = new Map<string, Wanted>();
  /** By each directory above a wanted path, and by the path itself. */
  private readonly below = new Map<string, Set<Wanted>>();
  private readonly directories = new Map<string, number>();
  /** One directory may be reached by several paths. */
  private readonly pathsOf = new Map<number, Set<string>>();

  constructor(private readonly options: FileEventsOptions) {}

  subscribe(subscriber: FileEventSubscriber): Promise<FileEventSubscription | Unavailable> {
    const refused = this.open();
    if (refused !== undefined) return Promise.resolve(refused);
    const subscription: FileEventSubscription = {
      watch: (path) => this.want(path, subscriber),
      unwatch: (path) => this.leave(path, subscriber),
      end: () => {
        for (const path of [...this.wanted.keys()]) this.leave(path, subscriber);
        if (this.wanted.size === 0) this.release();
      },
    };
    for (const path of subscriber.paths) {
      const unavailable = subscription.watch(path);
      if (unavailable === undefined) continue;
      subscription.end();
      return Promise.resolve(unavailable);
    }
    return Promise.resolve(subscription);
  }

  private open(): Unavailable | undefined {
    if (this.fd !== undefined) return undefined;
    const { libc, reader } = this.options;
    const fd = libc.inotify();
    if (fd < 0)
      return { unavailable: `Changes of files are not told by the kernel: ${errnoText(fd)}.` };
    reader.add(fd, {
      readable: () => this.read(fd),
      failed: (reason) => this.fail(reason),
    });
    this.fd = fd;
    return undefined;
  }

  private want(path: string, subscriber: FileEventSubscriber): Unavailable | undefined {
    if (!path.startsWith('/') || path === '/' || posix.normalize(path) !== path)
      return { unavailable: `${path} cannot be watched: it is no plain absolute path.` };
    const unavailable = this.open();
    if (unavailable !== undefined) return unavailable;
    let wanted = this.wanted.get(path);
    if (wanted === undefined) {
      wanted = { path, subscribers: new Set(), held: new Set() };
      this.wanted.set(path, wanted);
      for (const prefix of prefixes(path)) this.belowOf(prefix).add(wanted);
    }
    wanted.subscribers.add(subscriber);
    const errno = this.place(wanted);
    if (errno === 0) return undefined;
    this.leave(path, subscriber);
    return { unavailable: `${path} cannot be watched: ${errnoText(errno)}.` };
  }

  private leave(path: string, subscriber: FileEventSubscriber): void {
    const wanted = this.wanted.get(path);
    if (wanted?.subscribers.delete(subscriber) !== true || wanted.subscribers.size > 0) return;
    this.wanted.delete(path);
    for (const prefix of prefixes(path)) {
      const below = this.belowOf(prefix);
      below.delete(wanted);
      if (below.size === 0) this.below.delete(prefix);
    }
    for (const directory of wanted.held) this.letGo(directory);
  }

  /** Watches what the path needs as the directories are now; answers the errno when its changes cannot be noticed. */
  private place(wanted: Wanted): number {
    const held = new Set<string>();
    const before = wanted.held;
    const own = this.hold(wanted.path);
    if (own >= 0) held.add(wanted.path);
    let answer: number;
    let above = wanted.path;
    do {
      above = posix.dirname(above);
      answer = this.hold(above);
      if (answer >= 0) held.add(above);
    } while (isNotThere(answer) && above !== '/');
    wanted.held = held;
    for (const directory of before) if (!held.has(directory)) this.letGo(directory);
    return answer < 0 ? answer : own < 0 && !isNotThere(own) ? own : 0;
  }

  private hold(path: string): number {
    const { libc, mostWatches = mostDirectories } = this.options;
    const before = this.directories.get(path);
    if (before === undefined && this.pathsOf.size >= mostWatches) return -constants.errno.ENOSPC;
    const watch = this.fd === undefined ? -1 : libc.addFileWatch(this.fd, path, watchedFor);
    if (before !== undefined && before !== watch) this.forgetPath(path, before);
    if (watch < 0) return watch;
    this.directories.set(path, watch);
    let paths = this.pathsOf.get(watch);
    if (paths === undefined) this.pathsOf.set(watch, (paths = new Set()));
    paths.add(path);
    return watch;
  }

  private letGo(path: string): void {
    const watch = this.directories.get(path);
    if (watch === undefined) return;
    // Whoever holds it is at the path, or below it.
    for (const wanted of this.below.get(path) ?? []) if (wanted.held.has(path)) return;
    this.forgetPath(path, watch);
  }

  private forgetPath(path: string, watch: number): void {
    this.directories.delete(path);
    const paths = this.pathsOf.get(watch);
    if (paths?.delete(path) !== true || paths.size > 0) return;
    this.pathsOf.delete(watch);
    if (this.fd !== undefined) this.options.libc.removeFileWatch(this.fd, watch);
  }

  private read(fd: number): 'drained' | 'more' {
    const bytes = this.options.libc.readBytes(fd);
    if (typeof bytes === 'number') {
      const goesOn = bytes === -constants.errno.EAGAIN || bytes === -constants.errno.EINTR;
      if (!goesOn) this.fail(errnoText(bytes));
      return 'drained';
    }
    const length = bytes.length;
    const { events, torn } = parseInotify(bytes);
    if (torn) for (const { lose } of this.all()) lose('unparsed', 1);
    for (const event of events) this.take(event);
    return length > nearlyFullBytes ? 'more' : 'drained';
  }

  private take(event: InotifyEvent): void {
    const { cookie, mask, name, watch } = event;
    if ((mask & bits.overflow) !== 0) {
      for (const wanted of this.wanted.values()) this.place(wanted);
      for (const subscriber of this.all()) {
        subscriber.lose('fileEventsOverflow', 1);
        subscriber.onMissed();
      }
      return;
    }
    const directories = [...(this.pathsOf.get(watch) ?? [])];
    if (name === '') {
      if ((mask & goneItself) !== 0)
        for (const directory of directories) this.moved(directory, watch);
      return;
    }
    const kind = kinds.find(([bit]) => (mask & bit) !== 0)?.[1];
    if (kind === undefined) return;
    const isDirectory = (mask & bits.directory) !== 0;
    for (const directory of directories) {
      const path = directory === '/' ? `/${name}` : `${directory}/${name}`;
      if (kind !== 'changed' && kind !== 'attributes') this.moved(path);
      const told = new Set([
        ...(this.wanted.get(path)?.subscribers ?? []),
        ...(this.wanted.get(directory)?.subscribers ?? []),
      ]);
      for (const { onEvent } of told) onEvent({ path, kind, cookie, isDirectory });
    }
  }

  /** What is at the path is another than before: the watches below it are set again. */
  private moved(path: string, watch?: number): void {
    if (watch !== undefined && this.directories.get(path) === watch) this.forgetPath(path, watch);
    for (const wanted of [...(this.below.get(path) ?? [])]) {
      this.place(wanted);
      if (wanted.path === path) continue;
      for (const { onEvent } of [...wanted.subscribers])
        onEvent({ path: wanted.path, kind: 'above', cookie: 0, isDirectory: false });
    }
  }

  private belowOf(prefix: string): Set<Wanted> {
    const known = this.below.get(prefix);
    if (known !== undefined) return known;
    const below = new Set<Wanted>();
    this.below.set(prefix, below);
    return below;
  }

  private all(): ReadonlySet<FileEventSubscriber> {
    return new Set([...this.wanted.values()].flatMap(({ subscribers }) => [...subscribers]));
  }

  private fail(reason: string): void {
    const failed = this.all();
    this.release();
    const error = new Error(`The kernel's news of files ended: ${reason}.`);
    for (const { onFailed } of failed) onFailed(error);
  }

  private release(): void {
    const { fd } = this;
    if (fd === undefined) return;
    this.fd = undefined;
    this.wanted.clear();
    this.below.clear();
    this.directories.clear();
    this.pathsOf.clear();
    this.options.reader.remove(fd);
    // Takes all of its watches along.
    this.options.libc.close(fd);
  }
}

/** About 1 KB of the kernel's memory each; `fs.inotify.max_user_watches` is 8,192 at least. */
const mostDirectories = 1024;
const nearlyFullBytes = 60 * 1024;

const kinds: readonly (readonly [number, FileEvent['kind']])[] = [
  [bits.create, 'created'],
  [bits.delete, 'deleted'],
  [bits.movedFrom, 'movedFrom'],
  [bits.movedTo, 'movedTo'],
  [bits.modify | bits.closeWrite, 'changed'],
  [bits.attributes, 'attributes'],
];
const goneItself = bits.deleteSelf | bits.moveSelf | bits.unmount | bits.ignored;
const watchedFor =
  kinds.reduce((mask, [bit]) => mask | bit, 0) |
  bits.deleteSelf |
  bits.moveSelf |
  bits.onlyDirectories;

function isNotThere(answer: number): boolean {
  return answer === -constants.errno.ENOENT || answer === -constants.errno.ENOTDIR;
}

/** The path and every directory above it, without the root. */
function prefixes(path: string): readonly string[] {
  const found: string[] = [];
  for (let at = path; at !== '/'; at = posix.dirname(at)) found.push(at);
  return [...found, '/'];
}
