import { CustomChecksError } from './custom-error.js';

/** The members of one mapping of the file, taken one by one; `done` refuses what nobody took. */
export class Members {
  private readonly members: ReadonlyMap<string, unknown>;
  private readonly taken = new Set<string>();

  /** @param where completes "… in <where>", as `check app-config` */
  constructor(
    value: unknown,
    private readonly where: string,
  ) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new CustomChecksError(`Write ${where} as a mapping (key: value).`);
    this.members = new Map(Object.entries(value));
  }

  has(key: string): boolean {
    return this.members.has(key);
  }

  text(key: string, says: string, pattern: RegExp): string {
    const value = this.take(key);
    if (typeof value === 'string' && pattern.test(value)) return value;
    throw this.fault(key, says);
  }

  choice<const V extends string>(key: string, values: readonly V[]): V {
    const value = this.take(key);
    const chosen = values.find((other) => other === value);
    if (chosen === undefined) throw this.fault(key, `one of ${values.join(', ')}`);
    return chosen;
  }

  flag(key: string, otherwise: boolean): boolean {
    if (!this.has(key)) return otherwise;
    const value = this.take(key);
    if (typeof value === 'boolean') return value;
    throw this.fault(key, 'true or false');
  }

  integer(key: string, minimum: number, maximum: number): number {
    const value = this.take(key);
    if (
      typeof value === 'number' &&
      Number.isInteger(value) &&
      value >= minimum &&
      value <= maximum
    )
      return value;
    throw this.fault(key, `a whole number from ${minimum} to ${maximum}`);
  }

  /** A list of texts; numbers count as they are written in decimal. */
  texts(key: string, says: string, pattern: RegExp, most: number): readonly string[] {
    const value = this.take(key);
    const items: readonly unknown[] = Array.isArray(value) ? value : [];
    const texts = items.map((item) => (typeof item === 'number' ? String(item) : item));
    const isWell =
      texts.length > 0 &&
      texts.length <= most &&
      texts.every((text): text is string => typeof text === 'string' && pattern.test(text));
    if (!isWell) throw this.fault(key, `a list of 1 to ${most}: ${says}`);
    return texts;
  }

  list(key: string, most: number): readonly unknown[] {
    const value = this.take(key);
    if (Array.isArray(value) && value.length <= most) return value as readonly unknown[];
    throw this.fault(key, `a list of at most ${most}`);
  }

  value(key: string): unknown {
    return this.take(key);
  }

  /** The one key of `keys` that is there. */
  oneOf<const K extends string>(keys: readonly K[]): K {
    const present = keys.filter((key) => this.has(key));
    const [only] = present;
    if (only !== undefined && present.length === 1) return only;
    throw new CustomChecksError(`Give ${this.where} exactly one of ${keys.join(', ')}.`);
  }

  /** Refuses keys that mean nothing: a misspelt one would be a check that checks less than it seems to. */
  done(): void {
    const unknown = [...this.members.keys()].find((key) => !this.taken.has(key));
    if (unknown === undefined) return;
    const known = [...this.taken].join(', ');
    throw new CustomChecksError(`Take out a key of ${this.where} that is none of ${known}.`);
  }

  private take(key: string): unknown {
    this.taken.add(key);
    return this.members.get(key);
  }

  private fault(key: string, says: string): CustomChecksError {
    const verb = this.has(key) ? 'Correct' : 'Add';
    return new CustomChecksError(`${verb} ${key} of ${this.where}: it must be ${says}.`);
  }
}
