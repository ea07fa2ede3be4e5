import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from './temporary-directory.js';

/**
 * A copy of a tree of captured files, removed after the test. What a checkout cannot hold, or not well, stands in
 * tables at its top, with a tab between the two columns:
 *
 * - `links.txt`: path and target of a symbolic link, because tools that walk the checkout would follow it out of it;
 * - `lines.txt`: path and content of a small file of /sys or /proc, with `\n` for the ends of all lines but the last; a
 *   text of the device tree has `\0` at its end instead;
 * - `modes.txt`: path and mode (octal) of a file or folder whose mode matters.
 *
 * @param source relative to this folder
 */
export function capturedTree(source: string): string {
  const root = temporaryDirectory('captured');
  cpSync(fileURLToPath(new URL(source, import.meta.url)), root, { recursive: true });
  for (const [path, content] of table(root, 'lines.txt')) {
    const text = content.replaceAll('\\n', '\n').replaceAll('\\0', '\0');
    writeFileSync(pathIn(root, path), text.endsWith('\0') ? text : `${text}\n`);
  }
  for (const [path, target] of table(root, 'links.txt')) symlinkSync(target, pathIn(root, path));
  for (const [path, mode] of table(root, 'modes.txt')) {
    chmodSync(join(root, path), Number.parseInt(mode, 8));
  }
  return root;
}

function pathIn(root: string, path: string): string {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  return join(root, path);
}

function table(root: string, name: string): (readonly [string, string])[] {
  const file = join(root, name);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  rmSync(file);
  return lines.flatMap((line) => {
    const tab = line.indexOf('\t');
    return tab < 0 ? [] : [[line.slice(0, tab), line.slice(tab + 1)] as const];
  });
}
