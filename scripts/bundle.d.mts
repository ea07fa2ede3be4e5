import type { Plugin } from 'esbuild';

/** Writes the agent's bundle, for which koffi must lie beside it, and resolves with the paths of the files in it. */
export function bundleAgent(options: {
  readonly outfile: string;
  readonly plugins?: readonly Plugin[];
}): Promise<string[]>;
