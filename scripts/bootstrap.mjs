// What every entry script needs before anything is installed: the right Node, the locked dependencies.
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

function modifiedMs(path) {
  return statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

/** Runs a program with everything it prints on standard error; ends this process when it fails. */
export function runQuietly(command, args, sentence) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', process.stderr, process.stderr],
  });
  if (status !== 0) fail(`${sentence}${error ? `: ${error.message}` : ''}`);
}

export function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`Node ${process.versions.node} is too old: install Node 20.19 or newer.`);
  }
}

/** Installs what package-lock.json says when it is newer than what is there. */
export function installDependencies() {
  if (modifiedMs('node_modules/.package-lock.json') >= modifiedMs('package-lock.json')) return;
  process.stderr.write('Installing the locked dependencies…\n');
  runQuietly(
    'npm',
    ['ci', '--loglevel=error'],
    'The dependencies could not be installed: "npm ci" failed, see above',
  );
}

export function build() {
  runQuietly(
    process.execPath,
    [join('scripts', 'build.mjs')],
    'The build failed: run "npm run build" to see why',
  );
}
