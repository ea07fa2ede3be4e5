// npm run fuzz -- --runs 1000000 [--target NAME] [--seed N]: that many mutated inputs for each reader of foreign input.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { checkNode, installDependencies, root } from './bootstrap.mjs';
import { readOptions } from './options.mjs';

const usage = `Usage: npm run fuzz -- [OPTION]…
  --runs=N       mutated inputs for each reader (default: 1000000)
  --target=NAME  only the readers with this in their names
  --seed=N       the inputs of an earlier run
`;

const values = readOptions(usage, {
  runs: { type: 'string', default: '1000000' },
  target: { type: 'string' },
  seed: { type: 'string' },
});
checkNode();
installDependencies();
const chosen = values.target === undefined ? [] : ['-t', values.target];
const { status } = spawnSync(
  join(root, 'node_modules', '.bin', 'vitest'),
  ['run', '--project', 'unit', 'test/fuzz', ...chosen],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      FUZZ_RUNS: values.runs,
      ...(values.seed === undefined ? {} : { FUZZ_SEED: values.seed }),
    },
  },
);
process.exit(status ?? 1);
