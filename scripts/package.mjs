// npm run package: the Debian packages of the agent and of its runtime, with bills of materials, checksums and the
// index of a flat apt repository, in dist/. The same commit gives the same bytes.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { checkNode, installDependencies, root } from './bootstrap.mjs';
import { readOptions } from './options.mjs';

const usage = `Usage: npm run package -- [OPTION]…
  --arch=LIST     amd64, arm64, armhf, separated by commas (default: all)
  --agent-only    without the packages of the runtime, which change with Node alone
  --fast          compress quickly, for tests; a release is smaller
  --output=DIR    where the packages go (default: dist)
  --version=V     another version than that of package.json
`;

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

/** The time that goes into the packages: that of the last commit, or what the caller says. */
function epoch() {
  const { SOURCE_DATE_EPOCH: given } = process.env;
  if (given !== undefined) return Number(given);
  const { status, stdout } = spawnSync('git', ['log', '-1', '--format=%ct'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status === 0) return Number(stdout);
  return fail(
    'The packages carry the time of the last commit, and this is no git checkout: set SOURCE_DATE_EPOCH to a time in seconds.',
  );
}

function checkPrograms(names) {
  const programs = {
    'dpkg-deb': 'dpkg',
    'dpkg-scanpackages': 'dpkg-dev',
    strip: 'binutils',
    'aarch64-linux-gnu-strip': 'binutils-aarch64-linux-gnu',
  };
  const missing = names.filter(
    (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).error !== undefined,
  );
  if (missing.length > 0) {
    fail(
      `The packages cannot be built without ${missing.join(', ')}. On Debian: apt install ${missing.map((name) => programs[name]).join(' ')}`,
    );
  }
}

const options = readOptions(usage, {
  arch: { type: 'string', default: 'amd64,arm64,armhf' },
  'agent-only': { type: 'boolean', default: false },
  fast: { type: 'boolean', default: false },
  output: { type: 'string', default: join(root, 'dist') },
  version: { type: 'string' },
});
checkNode();
installDependencies();
const { architectures, runtime } = await import('./package/architectures.mjs');
const { buildAgentPackage } = await import('./package/agent-package.mjs');
const { buildRuntimePackage } = await import('./package/runtime-package.mjs');
const { writeRepository } = await import('./package/repository.mjs');
const { projectVersion } = await import('./bundle.mjs');

const wanted = options.arch.split(',');
const unknown = wanted.filter((name) => architectures[name] === undefined);
if (unknown.length > 0) fail(`There is no package for ${unknown.join(', ')}.\n${usage}`);
const strips = wanted.map((name) => architectures[name].strip).filter(Boolean);
checkPrograms(['dpkg-deb', 'dpkg-scanpackages', ...strips]);

const output = resolve(options.output);
// Beside the old ones, so that whoever looks meanwhile finds those, and none that is half written.
const staging = join(output, '.packages.new');
rmSync(staging, { recursive: true, force: true });
mkdirSync(staging, { recursive: true });
const work = mkdtempSync(join(tmpdir(), 'iot-security-agent-package-'));

/** Says what is being done: with the compression of a release each package takes a while. */
async function step(name, architecture, build) {
  process.stderr.write(`Building ${name} for ${architecture}…\n`);
  return build();
}

/** Puts what was built in place of what was there. */
function publish() {
  const built = readdirSync(staging);
  for (const file of built) renameSync(join(staging, file), join(output, file));
  for (const file of readdirSync(output)) {
    if (/^iot-security-agent.*\.(deb|cdx\.json)$/.test(file) && !built.includes(file))
      rmSync(join(output, file));
  }
}

try {
  const common = { epochSeconds: epoch(), fast: options.fast, work, output: staging };
  const version = options.version ?? projectVersion;
  const files = [];
  for (const architecture of wanted) {
    if (runtime.packages[architecture] !== undefined && !options['agent-only']) {
      const build = () => buildRuntimePackage({ architecture, ...common });
      files.push(...(await step('iot-security-agent-node', architecture, build)));
    }
    const build = () => buildAgentPackage({ architecture, version, ...common });
    files.push(...(await step('iot-security-agent', architecture, build)));
  }
  writeRepository({ output: staging, files, epochSeconds: common.epochSeconds });
  publish();
  for (const file of files) process.stdout.write(`${join(output, file)}\n`);
} catch (error) {
  process.stderr.write(`The packages could not be built: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  for (const directory of [work, staging]) rmSync(directory, { recursive: true, force: true });
}
