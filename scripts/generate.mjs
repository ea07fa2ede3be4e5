// Writes what is derived from the declarations: the JSON Schemas and the references of settings and events.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import esbuild from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

for (const entryPoint of ['config/generate.ts', 'collectors/generate.ts']) {
  const bundle = await esbuild.build({
    absWorkingDir: root,
    entryPoints: [entryPoint],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  });
  const code = encodeURIComponent(bundle.outputFiles[0].text);
  const { generatedFiles } = await import(`data:text/javascript,${code}`);
  for (const [path, text] of Object.entries(generatedFiles())) {
    writeFileSync(join(root, path), text);
    console.log(path);
  }
}
