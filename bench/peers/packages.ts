import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where programs of packages are found: on the host, or unpacked below a directory. */
export interface Programs {
  /** Absolute, or undefined where there is none. */
  path(program: string): string | undefined;
  /** A file of a package, such as its configuration. */
  file(path: string): string | undefined;
  /** What a program that was unpacked needs to find its libraries. */
  readonly environment: NodeJS.ProcessEnv;
  /** Why packages are missing, when they are. */
  readonly missing: string | undefined;
}

const directories = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/**
 * The programs of some Debian packages. What the host has not is downloaded by apt with all that it needs and unpacked
 * below `cache`, so that nothing is installed, no script of a package runs, and nothing is to be undone.
 */
export async function providePrograms(
  wanted: Readonly<Record<string, string>>,
  cache: string,
  download: boolean,
): Promise<Programs> {
  const root = join(cache, 'root');
  const path = (program: string): string | undefined =>
    directories
      .flatMap((directory) => [join(directory, program), join(root, directory, program)])
      .find((file) => existsSync(file));
  const absent = Object.entries(wanted)
    .filter(([program]) => path(program) === undefined)
    .map(([, name]) => name);
  let missing: string | undefined;
  if (absent.length > 0)
    missing = download
      ? await unpack(absent, cache, root)
      : `${absent.join(', ')}: not installed, and --download was not given`;
  return {
    path,
    file: (name) => [name, join(root, name)].find((file) => existsSync(file)),
    missing,
    environment: {
      ...process.env,
      LD_LIBRARY_PATH: ['usr/lib', 'lib']
        .flatMap((library) => [join(root, library), ...triplets(join(root, library))])
        .join(':'),
    },
  };
}

const triplets = (library: string): readonly string[] =>
  existsSync(library)
    ? readdirSync(library)
        .filter((name) => name.includes('-linux-gnu'))
        .map((name) => join(library, name))
    : [];

/** Returns why it could not be done, in a sentence. */
async function unpack(
  packages: readonly string[],
  cache: string,
  root: string,
): Promise<string | undefined> {
  const archives = join(cache, 'archives');
  mkdirSync(join(archives, 'partial'), { recursive: true });
  mkdirSync(root, { recursive: true });
  try {
    await run('apt-get', [
      ...['--yes', '--download-only', '--no-install-recommends'],
      ...['-o', `Dir::Cache::archives=${archives}`, 'install', ...packages],
    ]);
    for (const name of readdirSync(archives).filter((file) => file.endsWith('.deb')))
      await run('dpkg', ['--extract', join(archives, name), root]);
    return undefined;
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    return `apt-get could not download ${packages.join(', ')}: ${stderr.trim().split('\n').at(-1) ?? message}`;
  }
}
