import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathsUnder, type Paths } from '../../collectors/kernel/paths.js';
import { capturedTree } from './captured-tree.js';
import { temporaryDirectory } from './temporary-directory.js';

/** The systems whose files are kept in `test/captured-roots/`, see the README there. */
export const capturedSystems = [
  'debian-11',
  'debian-12',
  'debian-13',
  'busybox',
  'container',
  'yocto-read-only',
] as const;

export type CapturedSystem = (typeof capturedSystems)[number];

/** A copy of the captured root of a system, which a test may change; for `fakeHost({ paths })`. */
export function capturedRoot(system: CapturedSystem): Paths {
  return pathsUnder(capturedTree(`../captured-roots/${system}`));
}

/** A root that has nothing but these files, by their path below it. */
export function rootOf(files: Readonly<Record<string, string>>): Paths {
  const root = temporaryDirectory('root');
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return pathsUnder(root);
}

/** How many groups the root `many-groups` has, besides that of root. */
export const manyGroups = 5000;

/**
 * A device that joined a large directory and had it written to its files: 5,000 groups with root in every one, anna in
 * every hundredth, and otto in none but his own, the last.
 */
export function manyGroupsRoot(): Paths {
  const groups = Array.from({ length: manyGroups }, (_, index) => {
    const members = index % 100 === 0 ? 'root,anna' : 'root';
    return `team-${index}:x:${10_000 + index}:${members}`;
  });
  const users = ['root:x:0:0:root:/root:/bin/sh', 'anna:x:1000:10000::/home/anna:/bin/sh'];
  const otto = `otto:x:1001:${10_000 + manyGroups - 1}::/home/otto:/bin/sh`;
  return rootOf({
    'etc/passwd': [...users, otto, ''].join('\n'),
    'etc/group': ['root:x:0:', ...groups, ''].join('\n'),
  });
}
