// npm test: everything that changes nothing on the host. Fails on the first kind of check that fails, after
// having run all of them.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { checkNode, installDependencies, root } from './bootstrap.mjs';

checkNode();
installDependencies();

const bin = (name) => join(root, 'node_modules', '.bin', name);
const checks = [
  ['format', bin('prettier'), ['--check', '--log-level=warn', '.']],
  ['types', bin('tsc'), ['-p', '.']],
  ['lint', bin('eslint'), ['.', '--max-warnings=0']],
  ['tests', bin('vitest'), ['run', '--project', 'unit', ...process.argv.slice(2)]],
];
const failed = checks.filter(([name, command, args]) => {
  process.stdout.write(`\n== ${name}\n`);
  return spawnSync(command, args, { cwd: root, stdio: 'inherit' }).status !== 0;
});
if (failed.length > 0) {
  process.stdout.write(`\nfailed: ${failed.map(([name]) => name).join(', ')}\n`);
  process.exit(1);
}
