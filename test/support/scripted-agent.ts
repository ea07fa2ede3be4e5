import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..', '..');

/** Builds the agent with the scripted collectors in place of those of the device; resolves to its path. */
export async function buildScriptedAgent(name: string): Promise<string> {
  const outfile = join(root, 'dist', 'scripted', `${name}.cjs`);
  await build({
    absWorkingDir: root,
    entryPoints: ['agent/main.ts'],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'cjs',
    logLevel: 'error',
    plugins: [
      {
        name: 'scripted-collectors',
        setup: (bundler) =>
          bundler.onResolve({ filter: /\/registry\.js$/ }, ({ importer, path }) =>
            importer.includes('/agent/commands/') || path === './commands/registry.js'
              ? undefined
              : { path: join(root, 'test', 'agent', 'support', 'scripted-collectors.ts') },
          ),
      },
    ],
  });
  return outfile;
}
