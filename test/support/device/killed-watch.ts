import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

/** Lets another process own audit as the agent does, and kills it. */
export async function killedWatch(): Promise<{ readonly pid: number }> {
  const directory = mkdtempSync(join(tmpdir(), 'audit-'));
  const outfile = join(directory, 'watch.cjs');
  symlinkSync(join(import.meta.dirname, '../../../node_modules'), join(directory, 'node_modules'));
  await build({
    stdin: {
      contents: `import { watch } from './audit-support.js'; watch().then(() => console.log('ready'));`,
      resolveDir: import.meta.dirname,
      loader: 'ts',
    },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['koffi'],
  });
  const child = spawn(process.execPath, [outfile], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  child.kill('SIGKILL');
  await ended;
  rmSync(directory, { recursive: true, force: true });
  return { pid: child.pid ?? 0 };
}
