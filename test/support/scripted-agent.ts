import { dirname, join, relative } from 'node:path';
import type { Plugin } from 'esbuild';
import { bundleAgent } from '../../scripts/bundle.mjs';

const root = join(import.meta.dirname, '..', '..');

/** The scripted collectors in place of those of the device. */
const scriptedCollectors = { 'collectors/registry': 'test/support/scripted-collectors' };

/**
 * Builds the agent with modules of tests in place of its own, and all else as it goes to a device; resolves to its path.
 * @param replaced what stands in for what, as paths from the root without ending; the stand-in itself may import what it
 *   replaces
 */
export async function buildScriptedAgent(
  name: string,
  replaced: Readonly<Record<string, string>> = scriptedCollectors,
): Promise<string> {
  // Where the native part of koffi lies.
  const outfile = join(root, 'dist', `scripted-${name}.cjs`);
  await bundleAgent({ outfile, plugins: [standIns(replaced)] });
  return outfile;
}

function standIns(replaced: Readonly<Record<string, string>>): Plugin {
  return {
    name: 'stand-ins',
    setup: (bundler) =>
      bundler.onResolve({ filter: /^\.{1,2}\/.*\.js$/ }, ({ importer, path }) => {
        const imported = relative(root, join(dirname(importer), path)).slice(0, -'.js'.length);
        const standIn = replaced[imported];
        if (standIn === undefined) return undefined;
        const file = join(root, `${standIn}.ts`);
        return file === importer ? undefined : { path: file };
      }),
  };
}
