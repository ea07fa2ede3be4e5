import { realpath } from 'node:fs/promises';
import { posix } from 'node:path';
import type { Host } from '../../interface/host.js';
import { defaultPlaces, isOfKernel, type Place } from './default-places.js';
import { readHomes } from './homes.js';
import { Places } from './places.js';

/** That of the unit, in which the compiled program is. */
const cacheDirectory = '/var/cache/iot-security-agent';

/** What is to be watched now: the standard places, the homes of /etc/passwd, and the paths of the twin. */
export async function wantedPlaces({
  paths,
  settings,
  twin,
}: Pick<Host, 'paths' | 'settings' | 'twin'>): Promise<Places> {
  const { fileChangePaths, fileChangePathsRecursive } = twin.current;
  const custom = customPlaces(fileChangePaths ?? '', fileChangePathsRecursive);
  const places: Place[] = [];
  for (const place of [...defaultPlaces, ...custom])
    places.push(...(await withoutLinks(place, paths.root)));
  // What the agent writes to: each event would cause the next, also below a tree that somebody asked for.
  const own = [settings.stateDirectory, settings.runtimeDirectory, cacheDirectory];
  const except = await Promise.all(own.map((path) => realPathOf(paths.root + path, paths.root)));
  return new Places({
    places,
    except: [...own, ...except],
    homes: await readHomes(paths.etcRoot),
    root: paths.root,
  });
}

/** The paths of the setting, which has checked them. Of a file the reach makes no difference. */
function customPlaces(setting: string, recursive: boolean): readonly Place[] {
  return setting
    .split(',')
    .map((path) => path.replace(/^ /u, '').replace(/\/$/u, ''))
    .filter((path) => path !== '')
    .map((path) => ({ path, reach: recursive ? 'tree' : 'directory' }));
}

/**
 * The place where it really is, and the link that leads to it: systems differ in what is a link (`/lib`), and what is
 * watched must not be told under two names. What leads to the whole of a file system is left out.
 */
async function withoutLinks(place: Place, root: string): Promise<readonly Place[]> {
  const { path } = place;
  const real = await realPathOf(root + path, root);
  if (real === path) return [place];
  const link: Place = { path, reach: 'file' };
  const parent = await realPathOf(root + posix.dirname(path), root);
  const links = parent === posix.dirname(path) ? [link] : [];
  return isWatchable(real) ? [...links, { ...place, path: real }] : links;
}

/** Of what is not there, where it would be. */
async function realPathOf(path: string, root: string): Promise<string> {
  const real = await realpath(path).catch(() => undefined);
  if (real !== undefined) return real.startsWith(root) ? real.slice(root.length) : real;
  if (posix.dirname(path) === path || path.length <= root.length) return path.slice(root.length);
  return posix.join(await realPathOf(posix.dirname(path), root), posix.basename(path));
}

function isWatchable(path: string): boolean {
  return path.startsWith('/') && path !== '/' && !isOfKernel(path);
}
