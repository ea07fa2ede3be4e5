// npm start: installs and builds what is missing, then shows the agent at work against a stand-in hub on loopback.
// Standard output belongs to the demo alone.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build, checkNode, installDependencies, root } from './bootstrap.mjs';

checkNode();
installDependencies();
build();

const demo = spawn(
  process.execPath,
  [join(root, 'dist', 'local-hub.cjs'), 'demo', ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => demo.kill(signal));
demo.on('error', (error) => {
  process.stderr.write(`The demo could not be started: ${error.message}\n`);
  process.exitCode = 1;
});
demo.on('exit', (code, signal) => {
  if (signal !== null) process.stderr.write(`The demo was ended by ${signal}.\n`);
  process.exitCode = code ?? 1;
});
