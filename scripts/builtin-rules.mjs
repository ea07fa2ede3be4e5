// The built-in rules as a device gets them: without the examples, which only the tests need and which are half of the text.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './bootstrap.mjs';

/** Where they are in the project, and beside the agent's bundle. */
export const builtinDirectory = join('detection', 'builtin');

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

/** Writes them into `directory`, beside the bundle. */
export function copyBuiltinRules(directory) {
  for (const { path, text } of builtinRules()) {
    const target = join(directory, builtinDirectory, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
  }
}
