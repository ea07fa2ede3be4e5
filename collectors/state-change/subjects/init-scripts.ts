import type { Paths } from '../../kernel/paths.js';
import { contentOf, entriesOf } from './entries.js';

/** SysV: `rc2.d/S01ssh` starts it in level 2; OpenRC: `runlevels/default/ssh`. */
const sysvLevel = /^rc([0-6S])\.d$/;
const sysvStart = /^S\d\d(.+)$/;

/** The directories whose entries say which scripts there are, and when they are started. */
export async function initDirectories({ etcRoot }: Paths): Promise<readonly string[]> {
  const levels = await entriesOf(`${etcRoot}/runlevels`);
  const named = levels.filter(({ kind }) => kind === 'directory');
  const sysv = (await entriesOf(etcRoot)).filter(({ name }) => sysvLevel.test(name));
  return [
    `${etcRoot}/init.d`,
    `${etcRoot}/runlevels`,
    ...named.map(({ name }) => `${etcRoot}/runlevels/${name}`),
    ...sysv.map(({ name }) => `${etcRoot}/${name}`),
  ];
}

/** The scripts of init, by `init.d/NAME`: `1a2b3c4d5e6f; started in 2, 3, 4, 5`. */
export async function initScripts(paths: Paths, signal: AbortSignal): Promise<Map<string, string>> {
  const { etcRoot } = paths;
  const levels = new Map<string, string[]>();
  const start = (name: string, level: string): void =>
    void levels.set(name, [...(levels.get(name) ?? []), level]);
  for (const directory of (await initDirectories(paths)).slice(2)) {
    const place = directory.slice(directory.lastIndexOf('/') + 1);
    const [, level] = sysvLevel.exec(place) ?? [];
    for (const { name } of await entriesOf(directory)) {
      signal.throwIfAborted();
      const [, started] = level === undefined ? [name, name] : (sysvStart.exec(name) ?? []);
      if (started !== undefined) start(started, level ?? place);
    }
  }
  const scripts = new Map<string, string>();
  for (const { name, kind } of await entriesOf(`${etcRoot}/init.d`)) {
    signal.throwIfAborted();
    const content = kind === 'directory' ? undefined : await contentOf(`${etcRoot}/init.d/${name}`);
    if (content === undefined) continue;
    const started = levels.get(name);
    const when = started === undefined ? '' : `; started in ${started.sort().join(', ')}`;
    scripts.set(`init.d/${name}`, `${content}${when}`);
  }
  return scripts;
}
