import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Spool } from '../../../agent/spool/spool.js';
import { systemClock } from '../../../base/clock.js';

describe('Spool: kill -9', () => {
  let parent = '';
  let program = '';

  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'spool-kill-'));
    program = join(parent, 'writer.mjs');
    await build({
      entryPoints: [fileURLToPath(new URL('../../support/killed-writer.ts', import.meta.url))],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
    });
  });
  afterAll(() => rm(parent, { recursive: true, force: true }));

  /** Resolves to what the writer said before it was killed after `lines` lines. */
  async function writeUntilKilled(
    directory: string,
    first: number,
    lines: number,
  ): Promise<string> {
    const child = spawn(process.execPath, [program, directory, String(first)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.split('\n').length > lines) child.kill('SIGKILL');
    });
    await new Promise((resolve) => child.on('close', resolve));
    return said.slice(0, said.lastIndexOf('\n') + 1);
  }

  it('everything that was stored is there, in order, and nothing acknowledged comes back', async () => {
    const directory = join(parent, 'spool');
    const stored = new Set<number>();
    let acknowledged = 0;
    let maybeAcknowledged = 0;
    let first = 1;
    for (let round = 0; round < 8; round++) {
      const said = await writeUntilKilled(directory, first, Math.floor(Math.random() * 300));
      for (const line of said.split('\n')) {
        const [what, number] = [line[0], Number(line.slice(2))];
        expect(line, 'a loss').not.toMatch(/^lost spool(Full|WriteFailed)/);
        if (what === 's') stored.add(number);
        if (what === 'a') maybeAcknowledged = Math.max(maybeAcknowledged, number);
        if (what === 'd') acknowledged = Math.max(acknowledged, number);
      }
      const spool = await Spool.open({
        directory,
        limitBytes: 64 * 1024 * 1024,
        clock: systemClock,
        lose: () => undefined,
      });
      const events = await spool.read('low', 0, Infinity);
      await spool.close();
      const numbers = events.map(({ json }) => Number(json.split(' ')[0]));
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      const present = new Set(numbers);
      expect(present.size, 'nothing twice').toBe(numbers.length);
      for (const number of stored)
        if (number > maybeAcknowledged) expect(present, `event ${number}`).toContain(number);
      expect(numbers[0] ?? Infinity).toBeGreaterThan(acknowledged);
      first = Math.max(0, ...numbers, ...stored) + 1;
    }
    expect(stored.size).toBeGreaterThan(200);
  });
});
