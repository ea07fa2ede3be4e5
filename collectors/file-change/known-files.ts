import { isJsonObject, type JsonObject } from '../../base/json.js';
import { type FileState, parseState, stateText } from './file-state.js';

/** About 200 bytes each. */
const mostFiles = 4096;

/**
 * What was at the watched paths when they were looked at last.
 *
 * 1. At most 4,096 paths are known; `isFull` says that others may be there.
 * 2. The directories among them are found by their inode.
 */
export class KnownFiles {
  private readonly texts = new Map<string, string>();
  private readonly directories = new Map<string, string>();
  /** Paths of directories whose entries are watched no closer. */
  private full = false;

  get isFull(): boolean {
    return this.full;
  }

  get paths(): Iterable<string> {
    return this.texts.keys();
  }

  get(path: string): FileState | undefined {
    const text = this.texts.get(path);
    return text === undefined ? undefined : parseState(text);
  }

  set(path: string, state: FileState): void {
    if (!this.texts.has(path) && this.texts.size >= mostFiles) {
      this.full = true;
      return;
    }
    this.texts.set(path, stateText(state));
    if (state.type === 'directory') this.placeDirectory(state.inode, path);
  }

  delete(path: string): void {
    const state = this.get(path);
    this.texts.delete(path);
    if (this.texts.size < mostFiles / 2) this.full = false;
    if (state !== undefined && this.directories.get(state.inode) === path)
      this.directories.delete(state.inode);
  }

  /** Also a directory in which single files are watched. */
  placeDirectory(inode: string, path: string): void {
    if (this.directories.size < mostFiles) this.directories.set(inode, path);
  }

  directoryOf(inode: string): string | undefined {
    return this.directories.get(inode);
  }

  /** @param covered the places that were looked at @param atMs wall clock */
  toJson(covered: readonly string[], atMs: number): JsonObject {
    return { atMs, covered, files: Object.fromEntries(this.texts) };
  }

  /**
   * Takes what an earlier run knew. What it holds is data of a stranger.
   * @returns when it looked last and at which places; undefined when it never did
   */
  take(
    json: JsonObject | undefined,
  ): { readonly atMs: number; readonly covered: ReadonlySet<string> } | undefined {
    const { atMs, covered, files } = json ?? {};
    if (typeof atMs !== 'number' || !Number.isFinite(atMs) || Math.abs(atMs) > latestMs)
      return undefined;
    if (!Array.isArray(covered) || files === undefined || !isJsonObject(files)) return undefined;
    for (const [path, text] of Object.entries(files)) {
      const state = typeof text === 'string' ? parseState(text) : undefined;
      if (state !== undefined && path.startsWith('/')) this.set(path, state);
    }
    return { atMs, covered: new Set(covered.filter((path) => typeof path === 'string')) };
  }
}

/** The last that a date can hold. */
const latestMs = 8_640_000_000_000_000;
