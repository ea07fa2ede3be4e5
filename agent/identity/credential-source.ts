import type { LocalSettings } from '../../config/local-settings.js';
import type { CredentialSource } from './credentials/credentials.js';
import { moduleSource } from './modes/module.js';
import type { Surroundings } from './modes/surroundings.js';

/** Where the credentials come from by `identity.mode`; one file a mode in `modes/`. */
export function createCredentialSource(
  settings: LocalSettings,
  surroundings: Surroundings,
): CredentialSource {
  const { identity } = settings;
  switch (identity.mode) {
    case 'module':
      return moduleSource(settings, surroundings);
    case 'device':
      return loadedSource(async () =>
        (await import('./modes/device.js')).deviceSource(settings, surroundings),
      );
    case 'dps':
      return loadedSource(async () =>
        (await import('./modes/dps.js')).dpsSource(settings, surroundings),
      );
    case 'edge':
      return loadedSource(async () =>
        (await import('./modes/edge.js')).edgeSource(settings, surroundings),
      );
  }
}

/** A source whose code comes into memory when it is asked for the first time: most devices need none of it. */
function loadedSource(load: () => Promise<CredentialSource>): CredentialSource {
  let loading: Promise<CredentialSource> | undefined;
  let source: CredentialSource | undefined;
  const loaded = async (): Promise<CredentialSource> => (source = await (loading ??= load()));
  return {
    current: async () => (await loaded()).current(),
    check: async () => (await loaded()).check(),
    // Both follow a `current` that gave something.
    refused: (credentials) => source?.refused(credentials) ?? false,
    unreachable: (credentials) => source?.unreachable?.(credentials),
  };
}
