/**
 * A map of at most `most` entries, the oldest first. Setting a key, a known one as well, makes it the youngest; the
 * oldest makes room.
 */
export class BoundedMap<K, V> implements Iterable<readonly [K, V]> {
  private readonly entries = new Map<K, V>();

  /**
   * @param most a whole number, 0 or more
   * @param onEvicted is given each entry that had to make room, after it has gone
   */
  constructor(
    private readonly most: number,
    private readonly onEvicted?: (value: V, key: K) => void,
  ) {}

  get size(): number {
    return this.entries.size;
  }

  get(key: K): V | undefined {
    return this.entries.get(key);
  }

  has(key: K): boolean {
    return this.entries.has(key);
  }

  set(key: K, value: V): void {
    this.entries.delete(key);
    this.entries.set(key, value);
    // The oldest of a Map is found past all that were deleted before it: it is looked for only when it has to go.
    if (this.entries.size <= this.most) return;
    for (const [oldest, evicted] of this.entries) {
      if (this.entries.size <= this.most) return;
      this.entries.delete(oldest);
      this.onEvicted?.(evicted, oldest);
    }
  }

  /** @returns whether it was there */
  delete(key: K): boolean {
    return this.entries.delete(key);
  }

  /** Forgets entries from the oldest on, up to the first of which `isOver` says no. */
  forgetWhile(isOver: (value: V, key: K) => boolean): void {
    for (const [key, value] of this.entries) {
      if (!isOver(value, key)) return;
      this.entries.delete(key);
    }
  }

  /** The oldest first. */
  [Symbol.iterator](): Iterator<readonly [K, V]> {
    return this.entries[Symbol.iterator]();
  }
}
