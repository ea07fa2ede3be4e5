import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const repository = join(import.meta.dirname, '..', '..', '..');
/** What the agent's package has in its directory of documentation, by name. */
export const documents = JSON.parse(
  readFileSync(join(repository, 'scripts', 'package', 'documents.json'), 'utf8'),
) as Readonly<Record<string, string>>;
export const packageCache = '/var/cache/iot-security-agent-test/packages';

/** What ends up in a package; the agent's sources are told by its bundle, which is built before the tests. */
const sources = [
  'dist/iot-security-agent.cjs',
  'dist/iot-security-agent-inventory.cjs',
  'package.json',
  'package-lock.json',
  'LICENSE',
  ...Object.values(documents),
  'scripts/bundle.mjs',
  'scripts/package.mjs',
  ...filesUnder('scripts/package'),
  ...filesUnder('systemd'),
];

function filesUnder(directory: string): readonly string[] {
  return readdirSync(join(repository, directory), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(repository.length + 1))
    .sort();
}

export const isRuntime = (file: string): boolean => file.includes('iot-security-agent-node_');

export interface Packages {
  readonly directory: string;
  /** The agent's and, where it is vendored, the runtime's: what one `apt install` gets. */
  readonly files: readonly string[];
}

/**
 * Packages of what is in the checkout, compressed quickly, from `npm run package`. They are built once for the same
 * sources; another version is for tests of upgrades.
 */
export async function packages(
  options: { readonly architecture?: string; readonly version?: string } = {},
): Promise<Packages> {
  const { architecture = 'amd64', version = '' } = options;
  const hash = createHash('sha256').update(`${architecture} ${version}`);
  for (const file of sources) hash.update(file).update(readFileSync(join(repository, file)));
  const directory = join(packageCache, hash.digest('hex').slice(0, 16));
  if (!existsSync(directory)) await build(directory, architecture, version);
  const built = readdirSync(directory)
    .filter((name) => name.endsWith('.deb'))
    .map((name) => join(directory, name));
  // The runtime is the same in every version.
  const runtime = version === '' ? [] : (await packages({ architecture })).files.filter(isRuntime);
  return { directory, files: [...runtime, ...built] };
}

async function build(directory: string, architecture: string, version: string): Promise<void> {
  mkdirSync(packageCache, { recursive: true });
  forgetOld();
  const output = `${directory}.new-${process.pid}`;
  await run(
    process.execPath,
    [
      join(repository, 'scripts', 'package.mjs'),
      ...['--fast', `--arch=${architecture}`, `--output=${output}`],
      ...(version === '' ? [] : ['--agent-only', `--version=${version}`]),
    ],
    { env: { ...process.env, SOURCE_DATE_EPOCH: '1790000000' } },
  );
  // Somebody else may have been as fast.
  if (existsSync(directory)) rmSync(output, { recursive: true });
  else renameSync(output, directory);
}

/** Each is about 45 MB, and no other checkout's are needed for long. */
function forgetOld(): void {
  const kept = 6;
  const directories = readdirSync(packageCache).map((name) => join(packageCache, name));
  const byAge = directories
    .map((directory) => ({ directory, time: statSync(directory).mtimeMs }))
    .sort((a, b) => b.time - a.time);
  for (const { directory } of byAge.slice(kept))
    rmSync(directory, { recursive: true, force: true });
}
