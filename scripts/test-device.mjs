// npm run test:device: what needs root, the real kernel and a real systemd. It sets audit rules and starts
// containers on this machine and undoes both, so it asks for consent outside CI.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { checkNode, installDependencies, root } from './bootstrap.mjs';

const args = process.argv.slice(2);
const consented = process.env['CI'] === 'true' || args.includes('--yes');

function refuse(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

if (!consented) {
  refuse(
    'These tests change kernel audit on this machine while they run. To agree: npm run test:device -- --yes',
  );
}
if (process.getuid?.() !== 0) {
  refuse('These tests need root: they set audit rules and start containers. Run them with sudo.');
}
checkNode();
installDependencies();
const { status } = spawnSync(
  join(root, 'node_modules', '.bin', 'vitest'),
  [
    'run',
    '--project',
    'device',
    '--project',
    'vm',
    ...args.filter((argument) => argument !== '--yes'),
  ],
  { cwd: root, stdio: 'inherit' },
);
process.exit(status ?? 1);
