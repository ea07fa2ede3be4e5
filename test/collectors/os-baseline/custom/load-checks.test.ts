import { createHash } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadCustomChecks } from '../../../../collectors/os-baseline/custom/load-checks.js';
import { rootOf } from '../../../support/captured-roots.js';
import { factContext } from '../fact-context.js';

const text =
  'version: 1\nchecks:\n  - { id: mine, title: It is well, severity: Warning, remedy: Mend it., file: { path: /a } }\n';
const hashOf = (content: string | Buffer): string =>
  createHash('sha256').update(content).digest('hex');

async function load(
  paths: ReturnType<typeof rootOf>,
  settings: { path?: string | null; hash?: string | null; enabled?: boolean } = {},
) {
  const { path = '/etc/checks.yml', hash = hashOf(text), enabled = true } = settings;
  const { files } = await factContext(paths);
  const loaded = await loadCustomChecks(
    {
      baselineCustomChecksEnabled: enabled,
      baselineCustomChecksFilePath: path,
      baselineCustomChecksFileHash: hash,
    },
    files,
  );
  return 'problem' in loaded ? loaded.problem : loaded.checks.map(({ id }) => id);
}

describe('custom checks', () => {
  it('are those of the file whose hash the twin says, in any case', async () => {
    const paths = rootOf({ 'etc/checks.yml': text });
    expect(await load(paths)).toEqual(['custom-mine']);
    expect(await load(paths, { hash: hashOf(text).toUpperCase() })).toEqual(['custom-mine']);
  });

  it('are none where they are not enabled, whatever is named', async () => {
    expect(await load(rootOf({}), { enabled: false })).toEqual([]);
  });

  it('are not used where the file has another content, of which nothing is told', async () => {
    const secret = 'password: hunter2\n';
    const problem = await load(rootOf({ 'etc/checks.yml': secret }));
    expect(problem).toContain('/etc/checks.yml has another SHA-256');
    expect(problem).not.toContain('hunter2');
    expect(problem).not.toContain(hashOf(secret));
  });

  it('need a path and a hash', async () => {
    expect(await load(rootOf({}), { path: null })).toContain('Set baselineCustomChecksFilePath');
    expect(await load(rootOf({}), { hash: null })).toContain('Set baselineCustomChecksFileHash');
  });

  it('come from a regular file of moderate size in UTF-8, not from where a link leads', async () => {
    const paths = rootOf({ 'etc/real.yml': text, 'etc/large.yml': 'a'.repeat(300_000) });
    symlinkSync('real.yml', join(paths.root, 'etc/checks.yml'));
    mkdirSync(join(paths.root, 'etc/folder'));
    writeFileSync(join(paths.root, 'etc/latin1.yml'), Buffer.of(0x61, 0xe4));
    expect(await load(paths)).toContain('is a symbolic link');
    expect(await load(paths, { path: '/etc/folder' })).toContain('is not a regular file');
    expect(await load(paths, { path: '/etc/large.yml' })).toContain('has more than 262144 bytes');
    expect(await load(paths, { path: '/etc/none.yml' })).toContain('does not exist');
    const latin1 = { path: '/etc/latin1.yml', hash: hashOf(Buffer.of(0x61, 0xe4)) };
    expect(await load(paths, latin1)).toContain('UTF-8');
  });

  it('do not leave the root of the device by a link on the way', async () => {
    const paths = rootOf({ 'etc/passwd': '' });
    symlinkSync('/etc', join(paths.root, 'opt'));
    expect(await load(paths, { path: '/opt/hostname' })).toContain('does not exist');
  });
});
