// How the agent becomes one file: what esbuild bundles, and what it leaves out of the dependencies.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import esbuild from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

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

/**
 * The packets of MQTT are written with a table of all 65,536 numbers of two bytes, a buffer each, which takes 6.7 MB from the
 * first packet on. The package has a switch for that, which the SDK does not reach.
 */
const withoutTableOfNumbers = {
  name: 'without-table-of-numbers',
  setup(build) {
    let wasFound = false;
    build.onLoad({ filter: /[/\\]mqtt-packet[/\\]mqtt\.js$/ }, ({ path }) => {
      wasFound = true;
      const text = readFileSync(path, 'utf8');
      return { contents: `${text}\nexports.writeToStream.cacheNumbers = false;\n`, loader: 'js' };
    });
    build.onEnd(() => {
      if (!wasFound)
        throw new Error('The packets of MQTT are written by another package: see mqtt-packet.');
    });
  },
};

/**
 * esbuild escapes what is no ASCII in texts, and leaves it in comments and regular expressions. One such character has V8
 * keep the whole file in twice the memory (3 MB), for as long as the agent runs.
 */
const asciiAlone = {
  name: 'ascii-alone',
  setup(build) {
    build.onEnd(() => {
      const { outfile } = build.initialOptions;
      const escaped = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
      const text = readFileSync(outfile, 'utf8');
      writeFileSync(outfile, text.replace(/[\u0080-\uffff]/g, escaped));
    });
  },
};

/** A package may carry a version of its own, which the agent in it has to tell; the rest of the file is not needed. */
const manifestOf = (version) => ({
  name: 'manifest',
  setup(build) {
    build.onLoad({ filter: /package\.json$/ }, ({ path }) =>
      path === join(root, 'package.json')
        ? { loader: 'json', contents: JSON.stringify({ version }) }
        : undefined,
    );
  },
});

const common = (interpreter) => ({
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  legalComments: 'none',
  // The text is kept in memory for as long as the program runs: without indentation it is a megabyte less. Names stay as
  // they are, and lines short, for whoever reads where a defect showed.
  minifyWhitespace: true,
  lineLimit: 120,
  // node-cron reads import.meta.url when it is loaded, which a CommonJS file does not have.
  define: { 'import.meta.url': 'importMetaUrl' },
  banner: {
    js: `#!${interpreter}\n'use strict';const importMetaUrl = require('node:url').pathToFileURL(__filename).href;`,
  },
  logLevel: 'warning',
});

export const projectVersion = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;

/**
 * Writes the agent's bundle and resolves with the paths of the files that are in it, relative to the checkout. `plugins` put
 * something else in the place of its modules; with `sourcemap` a map is written beside it (`<outfile>.map`).
 */
export async function bundleAgent({
  outfile,
  interpreter = '/usr/bin/env node',
  version = projectVersion,
  plugins = [],
  sourcemap = false,
}) {
  const { metafile } = await esbuild.build({
    ...common(interpreter),
    plugins: [
      ...plugins,
      nativeBesideBundle,
      withoutBlobUpload,
      withoutPrograms,
      withoutTableOfNumbers,
      manifestOf(version),
      asciiAlone,
    ],
    entryPoints: ['agent/main.ts'],
    outfile,
    sourcemap: sourcemap && 'external',
    metafile: true,
  });
  return Object.keys(metafile.inputs);
}

/** The inventory process, which starts programs; resolves as `bundleAgent` does. */
export async function bundleInventory({ outfile, interpreter = '/usr/bin/env node' }) {
  const { metafile } = await esbuild.build({
    ...common(interpreter),
    entryPoints: ['inventory/main.ts'],
    outfile,
    metafile: true,
  });
  return Object.keys(metafile.inputs);
}

/** The stand-in hub, which never goes to a device. */
export async function bundleLocalHub(outfile) {
  await esbuild.build({
    ...common('/usr/bin/env node'),
    plugins: [nativeBesideBundle, withoutBlobUpload],
    entryPoints: ['local-hub/cli.ts'],
    outfile,
  });
}
