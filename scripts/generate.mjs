// Writes what is derived from the declarations: the JSON Schemas, the references of settings and events, the page of the
// built-in rules, the manual page, the completion and the picture of the folders.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import esbuild from 'esbuild';
import { architectureSvg } from './architecture.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Inside the project, so that the packages it imports are found. */
const directory = mkdtempSync(join(root, 'node_modules', '.generate-'));
try {
  for (const name of ['config', 'collectors', 'detection/rules', 'agent/commands']) {
    const outfile = join(directory, `${name.replaceAll('/', '-')}.mjs`);
    await esbuild.build({
      absWorkingDir: root,
      entryPoints: [`${name}/generate.ts`],
      outfile,
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      target: 'node20',
      logLevel: 'warning',
    });
    const { generatedFiles } = await import(outfile);
    for (const [path, text] of Object.entries(generatedFiles())) {
      writeFileSync(join(root, path), text);
      console.log(path);
    }
  }
  writeFileSync(join(root, 'docs', 'architecture.svg'), architectureSvg());
  console.log('docs/architecture.svg');
} finally {
  rmSync(directory, { recursive: true });
}
