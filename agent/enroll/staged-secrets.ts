import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { LocalSettings } from '../../config/local-settings.js';
import { createCredentialSource } from '../identity/credential-source.js';
import type { CredentialSource } from '../identity/credentials/credentials.js';
import type { SecretAccess } from '../identity/credentials/secret-file.js';
import { surroundingsOf } from '../identity/modes/surroundings.js';
import type { Configuration } from './configuration.js';

/** The agent's own reading of a configuration that is not written yet. */
export interface Staged {
  readonly settings: LocalSettings;
  readonly access: SecretAccess;
  readonly source: CredentialSource;
}

/**
 * Lets `work` have the credentials as the agent will have them: its secrets lie for so long where nobody else can read
 * them, in memory where that can be had, and nothing is written into the state directory.
 */
export async function withStagedSecrets<T>(
  { secrets, settings }: Pick<Configuration, 'secrets' | 'settings'>,
  work: (staged: Staged) => Promise<T>,
): Promise<T> {
  const inMemory = process.geteuid?.() === 0 && (await isDirectory('/run'));
  const directory = await mkdtemp(join(inMemory ? '/run' : tmpdir(), 'iot-security-agent-'));
  try {
    for (const { content, path } of secrets)
      await writeFile(join(directory, basename(path)), content, { mode: 0o600 });
    const access = { credentialsDirectory: directory };
    const staged = { ...settings, stateDirectory: directory };
    const surroundings = surroundingsOf(process.env, settings.requestTimeout.ms);
    const source = createCredentialSource(staged, { ...surroundings, access });
    return await work({ settings: staged, access, source });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}
