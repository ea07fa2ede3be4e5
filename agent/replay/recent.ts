/**
 * Remembers at least the last `size` and at most twice as many entries. Two maps take turns instead of giving up the
 * oldest entry each time: a Map finds its oldest only past all that were deleted before it.
 */
export class Recent<V> {
  private young = new Map<string, V>();
  private old = new Map<string, V>();

  constructor(private readonly size: number) {}

  get(key: string): V | undefined {
    return this.young.get(key) ?? this.old.get(key);
  }

  set(key: string, value: V): void {
    this.young.set(key, value);
    if (this.young.size < this.size) return;
    this.old = this.young;
    this.young = new Map();
  }
}
