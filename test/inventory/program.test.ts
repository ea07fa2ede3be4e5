import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProgram, runProgram } from '../../inventory/program.js';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'inventory-program-'));
  const script = (name: string, lines: string): void =>
    writeFileSync(join(directory, name), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  script('says', 'echo "$#:$1"; echo "first\nsecond" >&2; exit 3');
  script('environment', 'env; readlink /proc/self/cwd; cat');
  script('endless', 'while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done');
  script('hangs', 'echo begun; sleep 60');
  script('killed', 'kill -9 $$');
  writeFileSync(join(directory, 'unreadable'), '#!/nowhere/interpreter\n', { mode: 0o755 });
  writeFileSync(join(directory, 'text'), 'no program\n', { mode: 0o644 });
  symlinkSync('says', join(directory, 'link'));
  symlinkSync('nowhere', join(directory, 'broken'));
});

afterAll(() => rmSync(directory, { recursive: true }));

const run = (program: string, args: readonly string[] = [], limits = {}) =>
  runProgram(program, args, {
    longestMs: 20_000,
    directories: ['/nowhere', directory],
    ...limits,
  });

describe('a program of the inventory', () => {
  it('is told with its file, its exit status, its output and its first complaint', async () => {
    expect(await run('link', ['$(id)'])).toEqual({
      program: 'link',
      path: join(directory, 'says'),
      outcome: 'ended',
      exitStatus: 3,
      stdout: '1:$(id)\n',
      error: 'first',
    });
  });

  it('gets no environment but the language, no input, and no directory of whoever asks', async () => {
    const { stdout } = await run('environment');
    const own = stdout.split('\n').filter((line) => !/^(PWD|SHLVL|_|OLDPWD)=/.test(line));
    expect(own).toEqual(['LC_ALL=C', '/', '']);
  });

  it('is ended when it writes more than it may, and its beginning is kept', async () => {
    const { outcome, stdout } = await run('endless', [], { longestOutput: 100_000 });
    expect([outcome, stdout.length]).toEqual(['cut', 100_000]);
  });

  it('is ended when it takes longer than it may', async () => {
    expect(await run('hangs', [], { longestMs: 200 })).toMatchObject({
      outcome: 'late',
      stdout: 'begun\n',
    });
  });

  it('is told as failed where it cannot be started, or is killed', async () => {
    expect(await run('unreadable')).toMatchObject({
      outcome: 'failed',
      error: expect.stringContaining('ENOENT') as string,
    });
    expect(await run('killed')).toMatchObject({ outcome: 'failed', error: 'ended by SIGKILL' });
  });

  it('is absent where no file can be run, or a link leads nowhere', async () => {
    for (const name of ['text', 'broken', 'nothing'])
      expect(await run(name)).toEqual({ program: name, outcome: 'absent', stdout: '', error: '' });
    expect(findProgram('sh')).toMatch(/^\/(usr\/)?bin\/sh$/);
  });
});
