// npm run crash -- --kills 200 [--seed N]: kills the running agent at that many random moments and checks what arrived.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { checkNode, installDependencies, root } from './bootstrap.mjs';
import { readOptions } from './options.mjs';

const usage = `Usage: npm run crash -- [OPTION]…
  --kills=N  how often the running agent is killed (default: 200)
  --seed=N   at the moments of an earlier run
`;

const values = readOptions(usage, {
  kills: { type: 'string', default: '200' },
  seed: { type: 'string' },
});
checkNode();
installDependencies();
const { status } = spawnSync(
  join(root, 'node_modules', '.bin', 'vitest'),
  ['run', '--project', 'unit', 'test/agent/crash.test.ts'],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      CRASH_KILLS: values.kills,
      ...(values.seed === undefined ? {} : { CRASH_SEED: values.seed }),
    },
  },
);
process.exit(status ?? 1);
