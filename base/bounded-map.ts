/**
 * A map of at most `most` entries, the oldest first. Setting a key, a known one as well, makes it the youngest; the
 * oldest makes room. What is forgotten is not told: for whatever must be counted when it goes this is not the place.
 */
export class BoundedMap<K, V> implements Iterable<readonly [K, V]> {
  private readonly entries = new Map<K, V>();

  /** @param most a whole number, 0 or more */
  constructor(private readonly most: number) {}

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
    this.forgetWhile(() => this.entries.size > this.most);
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
