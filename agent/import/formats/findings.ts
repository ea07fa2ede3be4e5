import type { JsonValue } from '../../../base/json.js';
import { printable } from '../../../base/text.js';
import type { LocalKey } from '../../../config/local-settings.js';

/** What a file of an old agent says, in the words of this one. */
export interface Findings {
  /** What the file is: "the configuration of the C agent". */
  readonly is: string;
  readonly settings: Partial<Record<LocalKey, JsonValue>>;
  readonly identity?: OldIdentity;
  /** `user:password` of the proxy. */
  readonly proxyCredentials?: string;
  /** One sentence for each thing in it that has no equivalent here, with why. */
  readonly left: readonly string[];
}

/** Who the old agent was to the hub. */
export interface OldIdentity {
  readonly settings: Partial<Record<LocalKey, JsonValue>>;
  /** None where the services of IoT Edge sign. */
  readonly secret?: OldSecret;
}

/** Where the old agent has its secret. */
export type OldSecret =
  | {
      readonly kind: 'connection-string';
      readonly line: string;
      /** Where it says that a certificate proves who it is. */
      readonly certificate?: { readonly path: string; readonly keyPath: string };
    }
  | { readonly kind: 'key'; readonly path: string }
  /** PEM, with its private key, or PKCS#12 without a password. */
  | { readonly kind: 'certificate'; readonly path: string };

/** A file that was given, or found where an old agent has it. */
export interface GivenFile {
  readonly path: string;
  /** Of the file: what is named without a leading slash in it is taken from here. */
  readonly directory: string;
  readonly text: string;
}

/** A file of an old agent that cannot be taken over; `message` is a sentence without its full stop. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
}

/** Collects what has no equivalent. */
export class Left {
  readonly sentences: string[] = [];

  constructor(private readonly file: GivenFile) {}

  /** @param value as it was written; never a secret */
  say(key: string, value: string, why: string): void {
    const shown = value === '' ? '' : ` (${printable(value, 60)})`;
    this.sentences.push(`${printable(key, 60)}${shown} of ${this.file.path} is left out: ${why}.`);
  }
}
