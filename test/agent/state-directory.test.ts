import { execFileSync } from 'node:child_process';
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CountersFile } from '../../agent/counters-file.js';
import { systemFiles } from '../../agent/spool/files.js';
import { loadAgentId, prepareStateDirectory } from '../../agent/state-directory.js';
import { TwinFile } from '../../agent/twin/stored-twin.js';
import { FakeClock } from '../support/fake-clock.js';
import { silentLog } from '../../agent/log.js';

const guid = /^[0-9a-f-]{36}$/;
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'state-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

const place = (name: string): string => join(directory, name);
const pipe = (name: string): void => void execFileSync('mkfifo', [place(name)]);
const counters = (): CountersFile =>
  new CountersFile(directory, new FakeClock(), silentLog, () => ({}));
const twin = (): TwinFile => new TwinFile(place('desired.json'), silentLog);

describe('the state directory', () => {
  it.each(['', '.new'])(
    'what stands in place of a file%s is put aside, so that it is written again',
    async (suffix) => {
      for (const hinder of [
        (path: string) => execFileSync('mkfifo', [path]),
        (path: string) => mkdirSync(join(path, 'in the way'), { recursive: true }),
        (path: string) => symlinkSync('/nowhere/at/all', path),
        (path: string) => writeFileSync(path, Buffer.alloc(3_000_000, 0xff)),
      ]) {
        hinder(place(`agent-id${suffix}`));
        const made = await loadAgentId(directory, expect.unreachable);
        expect(await loadAgentId(directory, expect.unreachable)).toBe(made);
        expect(statSync(place('agent-id')).isFile()).toBe(true);
        rmSync(place('agent-id'));
      }
    },
  );

  it('a state directory that was removed is made again with the next write', async () => {
    const inside = join(directory, 'removed');
    const made = await loadAgentId(inside, expect.unreachable);
    expect(await loadAgentId(inside, expect.unreachable)).toBe(made);
    expect(statSync(inside).mode & 0o777).toBe(0o700);
  });

  it('keeps the id of the agent', async () => {
    const id = await loadAgentId(directory, expect.unreachable);
    expect(id).toMatch(guid);
    expect(await loadAgentId(directory, expect.unreachable)).toBe(id);
  });

  it('an id that cannot be stored is told and used', async () => {
    const sentences: string[] = [];
    expect(await loadAgentId('/dev/null/state', (sentence) => sentences.push(sentence))).toMatch(
      guid,
    );
    expect(sentences).toHaveLength(1);
  });

  it('a named pipe in place of a file holds nothing up', async () => {
    for (const name of ['agent-id', 'counters.json', 'desired.json', 'low-1.journal']) pipe(name);
    expect(await loadAgentId(directory, expect.unreachable)).toMatch(guid);
    expect(await counters().load()).toEqual({});
    expect(await twin().load()).toBeUndefined();
    await expect(systemFiles.open(place('low-1.journal'), 'read')).rejects.toThrow('regular file');
    await expect(systemFiles.open(place('low-1.journal'), 'create')).rejects.toThrow();
  });

  it('files that are far too large are not read', async () => {
    const text = `{"losses":{"high":{"spoolFull":1}},"padding":"${'x'.repeat(2 << 20)}"}`;
    for (const name of ['agent-id', 'counters.json', 'desired.json'])
      writeFileSync(place(name), text);
    expect(await loadAgentId(directory, expect.unreachable)).toMatch(guid);
    expect(readFileSync(place('agent-id'), 'utf8').trim()).toMatch(guid);
    expect(await counters().load()).toEqual({});
    expect(await twin().load()).toBeUndefined();
  });

  it.runIf(process.geteuid?.() === 0)('is refused when it belongs to a stranger', async () => {
    chownSync(directory, 65_534, 65_534);
    await expect(prepareStateDirectory(directory)).rejects.toThrow('belongs to user 65534');
  });
});
