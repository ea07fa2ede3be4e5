// npm run bench|bench:detection|soak|simulate:fleet: bundles one program of bench/ beside a fresh build of the agent and runs it with the arguments given.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import esbuild from 'esbuild';
import { build, checkNode, installDependencies, root } from './bootstrap.mjs';
import { bundleAgent } from './bundle.mjs';
import { readOptions } from './options.mjs';

/** Those that leave the reading of their options to us; the others tell them themselves. */
const programs = {
  pipeline: {
    usage: `Usage: npm run bench
  How many started programs a second go from audit records to messages; takes no options, and about a minute.
       npm run bench -- --peers [OPTION]…   (as root; kernel audit must be free)
  The agent beside auditd, laurel, bpftrace and forkstat; writes bench/results/peers.json, docs/performance.md and its picture.
  --quick             fewer of them, in about 3 minutes instead of 25; writes bench/results/peers-quick.json alone
  --download          fetches the peers that are not installed with apt, and unpacks them below dist/ without installing
  --rounds=N          how often each is measured, in turns
  --only=NAME         one of them alone; may be given more than once
  --output=FILE       where the result goes instead
  --curve=NAME        how the agent grows with that alone (rate, identities, full-spool, processes, sockets, users, firewall)
  --page              measures nothing: writes the page and the picture of the last result
       npm run bench -- --detection [--unseen]
  What the built-in rules see of attacks and raise of ordinary work, and what they cost, in about ten seconds.
  --unseen            also the attacks that raise nothing, or low alone
`,
    options: {},
  },
  detection: {
    usage: `Usage: npm run bench:detection
  What judging an event by 500 rules costs, with the index and without it; takes no options, and about ten seconds.
`,
    options: {},
  },
  soak: {
    usage: `Usage: npm run soak -- [OPTION]…
  --minutes=N         how long the agent runs (default: 10)
  --default-settings  with the intervals of a twin without settings, instead of short ones
`,
    options: { minutes: { type: 'string' }, 'default-settings': { type: 'boolean' } },
  },
};

const [asked, ...args] = process.argv.slice(2);
const others = { '--peers': 'peers/cli', '--detection': 'builtin-rules' };
const other = Object.keys(others).find((option) => args.includes(option));
const name = asked === 'pipeline' && other !== undefined ? others[other] : asked;
if (programs[name]) readOptions(programs[name].usage, programs[name].options, args);
checkNode();
installDependencies();
build();
// Tells a profile of the agent which file each line of its bundle comes from.
if (name === 'peers/cli')
  await bundleAgent({ outfile: join(root, 'dist', 'bench', 'agent.cjs'), sourcemap: true });

const outfile = join(root, 'dist', 'bench', `${name}.mjs`);
await esbuild.build({
  absWorkingDir: root,
  entryPoints: [join('bench', `${name}.ts`)],
  outfile,
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  logLevel: 'warning',
  // What the programs share with the tests finds its files by its own place, which the bundle has left.
  define: { 'import.meta.dirname': JSON.stringify(join(root, 'test', 'support')) },
});
const program = spawn(process.execPath, ['--expose-gc', outfile, ...args], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => program.kill(signal));
program.on('exit', (code) => (process.exitCode = code ?? 1));
