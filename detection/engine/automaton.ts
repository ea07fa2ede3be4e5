/** Told the number of a literal that is in the text; each once for a scan. */
export type Found = (literal: number) => void;

const classes = 256;

/** Characters beyond ASCII share classes: what is found in error is judged and found not to match. */
const classOf = (code: number): number => (code < 128 ? code : 128 + (code & 127));

/**
 * Finds which of many literals are in a text, in one pass over it (Aho and Corasick, 1975). The edges are in one hash table
 * of typed arrays: some 20 bytes a state.
 */
export class Automaton {
  readonly #root = new Int32Array(classes);
  readonly #keys: Int32Array;
  readonly #targets: Int32Array;
  readonly #shift: number;
  /** Where to go on when a state has no edge. */
  readonly #fail: Int32Array;
  /** The next state on the way of `fail` that ends a literal; 0 for none. */
  readonly #next: Int32Array;
  /** The literal that a state ends, plus 1; 0 for none. */
  readonly #ends: Int32Array;
  /** The number under which a literal is told: that of the first that looks the same to the automaton. */
  readonly #toldAs: readonly number[];
  /** The scan in which a literal was told last. */
  readonly #told: Uint32Array;
  #scan = 0;

  constructor(literals: readonly string[]) {
    const trie = new Trie(literals);
    const { edges, states } = trie;
    const width = Math.max(4, Math.ceil(Math.log2(2 * edges.size + 1)));
    this.#shift = 32 - width;
    this.#keys = new Int32Array(2 ** width).fill(-1);
    this.#targets = new Int32Array(2 ** width);
    this.#fail = new Int32Array(states);
    this.#next = new Int32Array(states);
    this.#ends = Int32Array.from(trie.ends);
    this.#toldAs = trie.toldAs;
    this.#told = new Uint32Array(literals.length);
    for (const [key, target] of edges) {
      if (key < classes) this.#root[key] = target;
      else this.#add(key, target);
    }
    // A state's way back is shorter than itself, so that the states nearer to the root are done before it.
    for (const state of trie.byDepth()) {
      const parent = trie.parents[state] ?? 0;
      const unit = trie.units[state] ?? 0;
      const fail = parent === 0 ? 0 : this.#step(this.#fail[parent] ?? 0, unit);
      this.#fail[state] = fail;
      this.#next[state] = (this.#ends[fail] ?? 0) > 0 ? fail : (this.#next[fail] ?? 0);
    }
  }

  /** Bytes of its tables. */
  get bytes(): number {
    const tables = [
      this.#root,
      this.#keys,
      this.#targets,
      this.#fail,
      this.#next,
      this.#ends,
      this.#told,
    ];
    return tables.reduce((sum, table) => sum + table.byteLength, 0);
  }

  /** The number that `scan` tells for a literal. */
  toldAs(literal: number): number {
    return this.#toldAs[literal] ?? literal;
  }

  /** Begins an event: what was told before is told again. */
  begin(): void {
    this.#scan = (this.#scan + 1) >>> 0;
    if (this.#scan === 0) {
      this.#told.fill(0);
      this.#scan = 1;
    }
  }

  scan(text: string, found: Found): void {
    const ends = this.#ends;
    const next = this.#next;
    const root = this.#root;
    let state = 0;
    for (let at = 0; at < text.length; at++) {
      const unit = classOf(text.charCodeAt(at));
      state = state === 0 ? (root[unit] ?? 0) : this.#step(state, unit);
      if (state === 0) continue;
      for (
        let end = (ends[state] ?? 0) > 0 ? state : (next[state] ?? 0);
        end > 0;
        end = next[end] ?? 0
      ) {
        const literal = (ends[end] ?? 0) - 1;
        // Whoever told this one told all on its way, too.
        if (this.#told[literal] === this.#scan) break;
        this.#told[literal] = this.#scan;
        found(literal);
      }
    }
  }

  #step(from: number, unit: number): number {
    let state = from;
    while (state !== 0) {
      const target = this.#edge((state << 8) | unit);
      if (target > 0) return target;
      state = this.#fail[state] ?? 0;
    }
    return this.#root[unit] ?? 0;
  }

  #edge(key: number): number {
    const keys = this.#keys;
    const mask = keys.length - 1;
    for (let slot = Math.imul(key, 0x9e3779b1) >>> this.#shift; ; slot = (slot + 1) & mask) {
      const there = keys[slot];
      if (there === key) return this.#targets[slot] ?? 0;
      if (there === -1) return 0;
    }
  }

  #add(key: number, target: number): void {
    const mask = this.#keys.length - 1;
    let slot = Math.imul(key, 0x9e3779b1) >>> this.#shift;
    while (this.#keys[slot] !== -1) slot = (slot + 1) & mask;
    this.#keys[slot] = key;
    this.#targets[slot] = target;
  }
}

/** Only while the automaton is made. */
class Trie {
  /** By parent × 256 + class. */
  readonly edges = new Map<number, number>();
  readonly parents: number[] = [0];
  readonly units: number[] = [0];
  readonly ends: number[] = [0];
  readonly toldAs: number[] = [];
  readonly #depths: number[] = [0];

  constructor(literals: readonly string[]) {
    for (const [index, literal] of literals.entries()) {
      let state = 0;
      for (let at = 0; at < literal.length; at++) {
        const unit = classOf(literal.charCodeAt(at));
        const key = (state << 8) | unit;
        let target = this.edges.get(key);
        if (target === undefined) {
          target = this.states;
          this.edges.set(key, target);
          this.parents.push(state);
          this.units.push(unit);
          this.ends.push(0);
          this.#depths.push((this.#depths[state] ?? 0) + 1);
        }
        state = target;
      }
      if (this.ends[state] === 0) this.ends[state] = index + 1;
      this.toldAs.push((this.ends[state] ?? 0) - 1);
    }
  }

  get states(): number {
    return this.parents.length;
  }

  byDepth(): readonly number[] {
    const byDepth: number[][] = [];
    for (let state = 1; state < this.states; state++)
      (byDepth[this.#depths[state] ?? 0] ??= []).push(state);
    return byDepth.flat();
  }
}
