import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readBoundedFile } from '../../base/bounded-file.js';

const folder = mkdtempSync(join(tmpdir(), 'bounded-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'file');

describe('a bounded file', () => {
  it('is read whole, up to its bound and not a byte beyond it', async () => {
    for (const size of [0, 1, 4095, 4096, 4097, 9000, 65_536]) {
      const content = Buffer.alloc(size, 'ab');
      writeFileSync(path, content);
      expect((await readBoundedFile(path, 65_536)).bytes.equals(content), String(size)).toBe(true);
    }
    for (const bound of [0, 1, 4096, 65_535])
      await expect(readBoundedFile(path, bound)).rejects.toMatchObject({ kind: 'too-large' });
  });

  it('may say that it is empty and hold much, as files of the kernel do', async () => {
    const { bytes, stats } = await readBoundedFile('/proc/self/smaps', 16 * 1024 * 1024);
    expect(stats.size).toBe(0);
    expect(bytes.length).toBeGreaterThan(8192);
    expect(bytes.toString('latin1')).toMatch(/\n$/);
    await expect(readBoundedFile('/proc/self/smaps', 4096)).rejects.toMatchObject({
      kind: 'too-large',
    });
  });

  it('is neither a directory nor missing', async () => {
    mkdirSync(join(folder, 'directory'));
    const directory = readBoundedFile(join(folder, 'directory'), 10);
    await expect(directory).rejects.toMatchObject({ kind: 'unreadable' });
    const missing = readBoundedFile(join(folder, 'missing'), 10);
    await expect(missing).rejects.toMatchObject({ kind: 'missing' });
  });
});
