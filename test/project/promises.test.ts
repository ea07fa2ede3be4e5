import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

it('every promise names a test that there is; the last two entries promise nothing', () => {
  const page = readFileSync(join(root, 'docs', 'promises.md'), 'utf8');
  const section = /# What it promises, and what not\n([^]*?)\n## /.exec(page)?.[1] ?? '';
  const list = section.slice(section.indexOf('\n- ')).trimStart().split('\n\n')[0] ?? '';
  const entries = list.split(/^- /m).slice(1);
  const promises = entries.slice(0, -2);
  expect(promises.length).toBeGreaterThan(8);
  for (const promise of promises) {
    const tests = promise.match(/`test\/[\w./-]+`/g) ?? [];
    expect(tests, promise).not.toEqual([]);
    for (const path of tests) expect(existsSync(join(root, path.slice(1, -1))), path).toBe(true);
  }
});
