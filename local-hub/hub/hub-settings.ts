import { existsSync, readFileSync } from 'node:fs';
import { reasonOf } from '../../base/errors.js';
import { replaceFileSync } from '../../base/replace-file.js';

interface Kept {
  /** PEM, a certificate each. */
  readonly authorities: readonly string[];
  readonly moduleSasDisabled: boolean;
}

/** What the operator of the hub has set for all of its devices, kept in one file over a restart. */
export class HubSettings {
  readonly #file: string;
  #kept: Kept;

  private constructor(file: string, kept: Kept) {
    this.#file = file;
    this.#kept = kept;
  }

  /** Reads the file, or begins with nothing set when there is none. Throws a sentence when it is not what was written. */
  static open(file: string): HubSettings {
    const unset: Kept = { authorities: [], moduleSasDisabled: false };
    if (!existsSync(file)) return new HubSettings(file, unset);
    try {
      const kept = JSON.parse(readFileSync(file, 'utf8')) as Partial<Kept>;
      return new HubSettings(file, { ...unset, ...kept });
    } catch (error) {
      throw new Error(
        `The settings of the local hub in ${file} cannot be read (${reasonOf(error)}); remove the file to begin anew.`,
        { cause: error },
      );
    }
  }

  /** Whose certificates the hub takes for those of devices and modules that are registered with an authority. */
  get authorities(): readonly string[] {
    return this.#kept.authorities;
  }

  /** Modules have to show a certificate. */
  get moduleSasDisabled(): boolean {
    return this.#kept.moduleSasDisabled;
  }

  change(change: Partial<Kept>): void {
    this.#kept = { ...this.#kept, ...change };
    replaceFileSync(this.#file, `${JSON.stringify(this.#kept, undefined, 1)}\n`, 0o600);
  }
}
