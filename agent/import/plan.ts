import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { FileError, readTextFile } from '../../base/bounded-file.js';
import { plainReason } from '../../base/errors.js';
import { CommandError } from '../../base/exit-codes.js';
import type { JsonValue } from '../../base/json.js';
import type { LocalKey } from '../../config/local-settings.js';
import {
  type Configuration,
  prepareConfiguration,
  secretNames,
  settingsFileName,
} from '../enroll/configuration.js';
import { checkCredentials } from '../enroll/enroll.js';
import { readSettings, unusable } from '../enroll/settings-file.js';
import {
  type Findings,
  type GivenFile,
  ImportError,
  type OldIdentity,
} from './formats/findings.js';
import { readOldFile } from './recognise.js';
import { type TakenSecret, takeSecret } from './secrets.js';

/** What an import would write, and what it says. */
export interface ImportPlan {
  readonly configuration: Configuration;
  readonly read: readonly { readonly path: string; readonly is: string }[];
  /** Settings that were taken over, by their dotted keys. */
  readonly taken: readonly string[];
  /** One sentence for each thing that has no equivalent. */
  readonly left: readonly string[];
  /** Secrets that are copied from files of the old agent. */
  readonly copies: readonly { readonly from: string; readonly to: string }[];
}

interface ImportOptions {
  /** Files, or directories of old agents. */
  readonly files: readonly string[];
  /** Where the configuration of this agent is. */
  readonly directory: string;
  /** Who it is when none of the files says so, as where IoT Edge signs for it. */
  readonly otherwise?: OldIdentity;
  readonly groupFile?: string;
}

const largestBytes = 262_144;
const mostFiles = 16;

/** What old agents call their files. */
export const oldFileNames: readonly string[] = [
  'LocalConfiguration.json',
  'General.config',
  'Authentication.config',
  'SecurityIotInterface.config',
  'connection_string.txt',
  'conf.json',
  'sysinfo.json',
];

/** Reads the files of an old agent and checks what becomes of them; writes nothing. @throws CommandError */
export async function planImport(options: ImportOptions): Promise<ImportPlan> {
  try {
    return await plan(options);
  } catch (error) {
    if (error instanceof ImportError) throw unusable(error.message);
    throw error;
  }
}

async function plan(options: ImportOptions): Promise<ImportPlan> {
  const { directory, groupFile } = options;
  const paths = await namedFiles(options.files);
  const found: (Findings & { readonly path: string })[] = [];
  for (const path of paths) found.push({ path, ...readOldFile(await readGiven(path)) });
  const identity = onlyIdentity(found) ?? options.otherwise;
  const settings = merged(found);
  if (identity === undefined) await needIdentity(directory, paths);
  const secrets = await allSecrets(found, identity);
  const configuration = await prepareConfiguration({
    directory,
    identity: identity?.settings,
    settings,
    secrets,
    ...(groupFile !== undefined && { groupFile }),
  });
  const copies = secrets.flatMap(({ from, name }) =>
    from === undefined ? [] : [{ from, to: join(configuration.directory, name) }],
  );
  await checkCopies(configuration, copies);
  return {
    configuration,
    read: found.map(({ path, is }) => ({ path, is })),
    taken: Object.keys(settings),
    left: found.flatMap(({ left }) => left),
    copies,
  };
}

/** Has the agent's own reader look at the secrets; what it says of a copy is said of what was copied. */
async function checkCopies(
  configuration: Configuration,
  copies: ImportPlan['copies'],
): Promise<void> {
  try {
    await checkCredentials(configuration);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const message = copies.reduce((text, { from, to }) => text.replaceAll(to, from), error.message);
    throw new CommandError(message, error.exitCode);
  }
}

/** The files themselves; of a directory those that an old agent has there. */
async function namedFiles(named: readonly string[]): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const name of named) {
    const path = resolve(name);
    const isDirectory = (await stat(path).catch(() => undefined))?.isDirectory() === true;
    if (!isDirectory) {
      paths.push(path);
      continue;
    }
    const there = await readdir(path).catch((error: unknown) => {
      throw new ImportError(`${path} cannot be read: ${plainReason(error)}`);
    });
    const old = oldFileNames.filter((file) => there.includes(file));
    if (old.length === 0)
      throw new ImportError(`${path} holds no file of an old agent (${oldFileNames.join(', ')})`);
    paths.push(...old.map((file) => join(path, file)));
  }
  const once = [...new Set(paths)];
  if (once.length > mostFiles)
    throw new ImportError(`More than ${mostFiles} files were named; name those of one old agent`);
  return once;
}

async function readGiven(path: string): Promise<GivenFile> {
  try {
    const { text } = await readTextFile(path, largestBytes);
    return { path, directory: dirname(path), text };
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    throw new ImportError(`${path} ${error.message}`);
  }
}

function onlyIdentity(
  found: readonly (Findings & { readonly path: string })[],
): OldIdentity | undefined {
  const [first, second] = found.filter(({ identity }) => identity !== undefined);
  if (first !== undefined && second !== undefined)
    throw new ImportError(
      `${first.path} and ${second.path} both say who the device is; name those of one old agent`,
    );
  return first?.identity;
}

function merged(
  found: readonly (Findings & { readonly path: string })[],
): Partial<Record<LocalKey, JsonValue>> {
  const by = new Map<string, { readonly path: string; readonly value: JsonValue }>();
  for (const { path, settings } of found) {
    for (const [key, value] of Object.entries(settings)) {
      const other = by.get(key);
      if (other !== undefined && other.value !== value)
        throw new ImportError(
          `${other.path} and ${path} do not say the same of what is ${key} here; name one of them`,
        );
      by.set(key, { path, value });
    }
  }
  return Object.fromEntries([...by].map(([key, { value }]) => [key, value]));
}

/** Settings alone are taken where it is known already who the device is. */
async function needIdentity(directory: string, paths: readonly string[]): Promise<void> {
  const before = await readSettings(join(resolve(directory), settingsFileName));
  if (before?.['identity'] !== undefined) return;
  const subject =
    paths.length === 0 ? 'The old agent has no file that says' : `${paths.join(', ')} must say`;
  throw new ImportError(
    `${subject} who the device is; name also LocalConfiguration.json, Authentication.config or connection_string.txt of the old agent, or enroll first`,
  );
}

async function allSecrets(
  found: readonly Findings[],
  identity: OldIdentity | undefined,
): Promise<readonly TakenSecret[]> {
  const mode = identity?.settings['identity.mode'];
  const own =
    identity?.secret === undefined
      ? []
      : await takeSecret(typeof mode === 'string' ? mode : '', identity.secret);
  const proxy = found.flatMap(({ proxyCredentials }) =>
    proxyCredentials === undefined
      ? []
      : [
          {
            key: 'proxyCredentialsFile' as const,
            name: secretNames.proxyCredentials,
            content: `${proxyCredentials}\n`,
          },
        ],
  );
  return [...own, ...proxy];
}
