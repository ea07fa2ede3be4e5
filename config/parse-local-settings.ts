import type { LocalSettings } from './local-settings.js';

/** Something in the local file that has to be mended before the agent can run. */
export interface Problem {
  /** Dotted, as in `identity.keyFile`; empty when the whole file is meant. */
  readonly key: string;
  /** A sentence that names the file, the key and the remedy. */
  readonly message: string;
}

export type LocalResult =
  { readonly settings: LocalSettings } | { readonly problems: readonly Problem[] };

export function parseLocalSettings(text: string, fileName: string): LocalResult {
  throw new Error(`${fileName} cannot be read yet: ${text.length} characters`);
}
