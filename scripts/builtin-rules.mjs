// The built-in rules as a device gets them: without the examples, which only the tests need and which are half of the text.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './bootstrap.mjs';

/** Where they are in the project, and beside the agent's bundle. */
export const builtinDirectory = join('detection', 'builtin');

/** Of a file of rules, as `detection/limits.ts` has it. */
const mostBytes = 64 * 1024;

const withoutExamples = (text) =>
  text
    .split(/^(?=---$)/m)
    .map((document) => document.replace(/^examples:\n(?: .*\n|\n)*/m, ''))
    .join('');

/** Path in their directory and text of each. */
export function builtinRules() {
  const directory = join(root, builtinDirectory);
  return readdirSync(directory, { recursive: true })
    .filter((path) => path.endsWith('.yml'))
    .sort()
    .map((path) => ({ path, text: withoutExamples(readFileSync(join(directory, path), 'utf8')) }));
}

/** Writes them into `directory`, beside the bundle: one file a folder, because a start of the agent waits for each. */
export function copyBuiltinRules(directory) {
  const folders = new Map();
  for (const { path, text } of builtinRules())
    folders.set(dirname(path), [...(folders.get(dirname(path)) ?? []), text.trimEnd()]);
  const target = join(directory, builtinDirectory);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const [folder, texts] of folders) {
    const text = `${texts.join('\n---\n')}\n`;
    if (text.length > mostBytes)
      throw new Error(`Split detection/builtin/${folder}: its rules are more than one file holds.`);
    writeFileSync(join(target, `${folder.replaceAll('/', '-')}.yml`), text);
  }
}
