import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const run = promisify(execFile);

/** One declaration. */
const declaration = `
  MountedFileSystems: {
    category: 'Periodic',
    type: 'Security',
    ours: true,
    priority: 'Low',
    noun: 'mounted file systems',
    meaning: 'The file systems that are mounted.',
    fields: {
      MountPoint: required('string', 'Where it is mounted.'),
      FileSystem: required('string', 'Its type.'),
    },
  },
`;

/** One file. */
const collector = `import { readFile } from 'node:fs/promises';
import type { SnapshotCollector } from './interface/collector.js';

/** The file systems that the agent's mount namespace has. */
export const mountedFileSystems: SnapshotCollector<'MountedFileSystems'> = {
  kind: 'snapshot',
  name: 'MountedFileSystems',
  async collect({ host, signal, setSource }) {
    setSource({ source: 'proc-mounts' });
    const text = await readFile(\`\${host.paths.procRoot}/self/mounts\`, { encoding: 'utf8', signal });
    return text.split('\\n').flatMap((line) => {
      const [, MountPoint, FileSystem] = line.split(' ');
      if (MountPoint === undefined || FileSystem === undefined) return [];
      return [{ MountPoint, FileSystem }];
    });
  },
};
`;

/** One line, and its import. */
const registered = (registry: string): string =>
  registry
    .replace(
      'import { processCreate }',
      "import { mountedFileSystems } from './mounted-file-systems.js';\nimport { processCreate }",
    )
    .replace('  login,\n', '  login,\n  mountedFileSystems,\n');

let copy = '';

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'add-a-collector-'));
  const files = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).trim();
  for (const path of files.split('\n')) {
    if (/^test\/(?!project|support|collectors\/support)/.test(path)) continue;
    cpSync(join(root, path), join(copy, path), { force: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const edit = (path: string, change: (text: string) => string): void => {
    const before = readFileSync(join(copy, path), 'utf8');
    const after = change(before);
    expect(after, path).not.toBe(before);
    writeFileSync(join(copy, path), after);
  };
  writeFileSync(join(copy, 'collectors/mounted-file-systems.ts'), collector);
  edit('collectors/registry.ts', registered);
  edit('contract/snapshots.ts', (text) =>
    text.replace(
      'export const snapshots = {',
      `export const snapshots = {${declaration.trimEnd()}`,
    ),
  );
});

afterAll(() => rmSync(copy, { recursive: true }));

const node = (...args: string[]) =>
  run(process.execPath, args, { cwd: copy, maxBuffer: 16 * 1024 * 1024 });

it('a collector is added by one file, one line and one declaration', async () => {
  const sources = ['agent', 'base', 'bench', 'collectors', 'config', 'contract', 'local-hub'];
  writeFileSync(
    join(copy, 'tsconfig.json'),
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: { incremental: false, types: ['node'] },
      include: sources,
    }),
  );
  await node(
    'scripts/types-and-lint.mjs',
    'collectors/mounted-file-systems.ts',
    'collectors/registry.ts',
  );
  await node('scripts/generate.mjs');
  const generated = (path: string): string => readFileSync(join(copy, path), 'utf8');
  expect(generated('contract/reference.generated.md')).toContain('## MountedFileSystems');
  expect(generated('config/twin.schema.json')).toContain('eventPriorityMountedFileSystems');
  expect(generated('systemd/debian/description.generated').replace(/\s+/g, ' ')).toContain(
    'mounted file systems',
  );
  await node('scripts/build.mjs');
  const { stdout } = await node(
    'dist/iot-security-agent.cjs',
    'collect',
    'MountedFileSystems',
    '--json',
  );
  const event = JSON.parse(stdout.trim().split('\n')[0] ?? '') as {
    Name: string;
    Payload: object[];
  };
  expect(event.Name).toBe('MountedFileSystems');
  expect(event.Payload).toContainEqual(expect.objectContaining({ FileSystem: 'proc' }));
}, 240_000);
