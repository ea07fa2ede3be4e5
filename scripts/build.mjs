// Bundles the agent into one file (dist/iot-security-agent.cjs) with the native part of koffi beside it, and the
// stand-in hub into another that never goes to a device.
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import esbuild from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');

/** koffi looks for its binary in node_modules; a device has only the directory beside the bundle. */
const nativeBesideBundle = {
  name: 'koffi-beside-the-bundle',
  setup(build) {
    build.onResolve({ filter: /^koffi$/ }, () => ({ path: 'koffi', namespace: 'beside' }));
    build.onLoad({ filter: /.*/, namespace: 'beside' }, () => ({
      loader: 'js',
      contents: `
        const { join } = require('node:path');
        const abi = process.arch === 'arm' ? 'armhf' : process.arch;
        let failure;
        for (const triplet of ['linux_' + abi, 'musl_' + abi]) {
          const file = join(__dirname, 'koffi', triplet, 'koffi.node');
          try { module.exports = require(file); failure = undefined; break; } catch (error) { failure ??= error; }
        }
        if (failure !== undefined) throw failure;
      `,
    }));
  },
};

/**
 * The agent starts no program, and its bundle holds nothing that could. The SDK would: to put the name of the
 * distribution into its user agent it asks getos, which runs `/bin/sh -c "lsb_release -a"`. node-cron loads
 * child_process for tasks in files, which are not used.
 */
const withoutPrograms = {
  name: 'without-programs',
  setup(build) {
    const stubs = {
      getos:
        "module.exports = (done) => done(null, { os: 'linux', dist: 'Linux', release: require('node:os').release() });",
      child_process: 'module.exports = {};',
    };
    build.onResolve({ filter: /^(getos|(node:)?child_process)$/ }, ({ path }) => ({
      path: path.replace('node:', ''),
      namespace: 'stub',
    }));
    build.onLoad({ filter: /.*/, namespace: 'stub' }, ({ path }) => ({ contents: stubs[path] }));
  },
};

/** Trees that the SDK only needs to upload files, which this agent never does; as text they cost memory. */
const withoutBlobUpload = {
  name: 'without-blob-upload',
  setup(build) {
    build.onResolve({ filter: /^(@azure\/storage-blob|@azure\/abort-controller)$/ }, () => ({
      path: 'unused',
      namespace: 'unused',
    }));
    build.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({
      contents: 'module.exports = {};',
    }));
  },
};

function copyNativeParts() {
  const packages = join(root, 'node_modules', '@koromix');
  if (!existsSync(packages)) return;
  for (const name of readdirSync(packages).filter((entry) => entry.startsWith('koffi-linux-'))) {
    for (const triplet of readdirSync(join(packages, name))) {
      if (!statSync(join(packages, name, triplet)).isDirectory()) continue;
      cpSync(join(packages, name, triplet), join(dist, 'koffi', triplet), { recursive: true });
    }
  }
}

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  legalComments: 'none',
  // node-cron reads import.meta.url when it is loaded, which a CommonJS file does not have.
  define: { 'import.meta.url': 'importMetaUrl' },
  banner: {
    js: "#!/usr/bin/env node\n'use strict';const importMetaUrl = require('node:url').pathToFileURL(__filename).href;",
  },
  plugins: [nativeBesideBundle, withoutBlobUpload],
  logLevel: 'warning',
};

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
await esbuild.build({
  ...common,
  plugins: [...common.plugins, withoutPrograms],
  entryPoints: ['agent/main.ts'],
  outfile: 'dist/iot-security-agent.cjs',
});
// Units run it by its name.
chmodSync(join(dist, 'iot-security-agent.cjs'), 0o755);
if (existsSync(join(root, 'local-hub', 'cli.ts'))) {
  await esbuild.build({
    ...common,
    entryPoints: ['local-hub/cli.ts'],
    outfile: 'dist/local-hub.cjs',
  });
}
copyNativeParts();
