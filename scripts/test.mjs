// npm test: everything that changes nothing on the host; npm run test:fast: what of it starts no program. The checks of
// the text run beside the tests, which mostly wait; fails when any of them did, after having run all.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { checkNode, installDependencies, root } from './bootstrap.mjs';

checkNode();
installDependencies();

const bin = (name) => join(root, 'node_modules', '.bin', name);
const textChecks = [
  ['format', bin('prettier'), ['--check', '--log-level=warn', '.']],
  // With the young objects collected in larger steps it takes a quarter less of the processors.
  [
    'types and lint',
    process.execPath,
    ['--max-semi-space-size=128', join(root, 'scripts', 'types-and-lint.mjs')],
  ],
];
const args = process.argv.slice(2);
const isFast = args.includes('--fast');
const vitestArgs = [
  'run',
  ...['fast', 'fast-alone', ...(isFast ? [] : ['whole'])].map((name) => `--project=${name}`),
  ...args.filter((each) => each !== '--fast'),
];
const tests = ['tests', bin('vitest'), vitestArgs];

/** Resolves with the name of the check when it failed, and with what it printed unless that went straight out. */
function run([name, command, args], stdio) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk) => (output += chunk));
    }
    child.on('error', (error) => (output += `${error.message}\n`));
    child.on('close', (code) => resolve({ name, output, failed: code !== 0 }));
  });
}

async function oneByOne(checks) {
  const results = [];
  for (const check of checks) results.push(await run(check, ['ignore', 'pipe', 'pipe']));
  return results;
}

const [texts, tested] = await Promise.all([
  oneByOne(isFast ? [] : textChecks),
  run(tests, 'inherit'),
]);
for (const { name, output } of texts) process.stdout.write(`\n== ${name}\n${output}`);
const failed = [...texts, tested].filter((result) => result.failed);
if (failed.length > 0) {
  process.stdout.write(`\nfailed: ${failed.map(({ name }) => name).join(', ')}\n`);
  process.exit(1);
}
