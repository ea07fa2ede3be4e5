import { execFileSync } from 'node:child_process';
import {
  chmodSync,
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
import { CountersFile } from '../../../agent/accounting/counters-file.js';
import { systemFiles } from '../../../agent/spool/files.js';
import { loadAgentId } from '../../../agent/state/agent-id.js';
import {
  prepareStateDirectory,
  stateDirectoryFault,
} from '../../../agent/state/state-directory.js';
import { TwinFile } from '../../../agent/twin/stored-twin.js';
import type { CommandError } from '../../../base/exit-codes.js';
import { silentLog } from '../../../base/log.js';
import { FakeClock } from '../../support/fake-clock.js';

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

  it('of desired properties that wait for the disk only the newest is written', async () => {
    const file = twin();
    const written: unknown[] = [];
    const save = async (version: number): Promise<void> => {
      await file.save({ version, document: {}, effective: {} });
      written.push(JSON.parse(readFileSync(place('desired.json'), 'utf8')));
    };
    await Promise.all(Array.from({ length: 100 }, (_, index) => save(index + 1)));
    const versions = written.map((stored) => (stored as { version: number }).version);
    expect(new Set(versions)).toEqual(new Set([100]));
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

  const refusal = (path: string): Promise<CommandError> =>
    prepareStateDirectory(path).then(
      () => expect.unreachable(),
      (error: unknown) => error as CommandError,
    );

  it('is made, and closed to all others', async () => {
    const path = place('made/here');
    await prepareStateDirectory(path);
    chmodSync(path, 0o555);
    await prepareStateDirectory(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it('that is a file, or under one, is refused with what to do about that', async () => {
    writeFileSync(place('file'), 'kept');
    for (const path of [place('file'), place('file/below')]) {
      const { message, exitCode } = await refusal(path);
      expect(exitCode).toBe(77);
      expect(message).toMatch(/is not a directory; move that away, or set "stateDirectory"/);
    }
    expect(readFileSync(place('file'), 'utf8')).toBe('kept');
  });

  it('that cannot be made is refused without the words of Node', async () => {
    const { message } = await refusal('/proc/no-such-place/state');
    expect(message).toMatch(/cannot be used: no directory can be made in \/proc; /);
  });

  it('is for the user that runs the agent alone, whoever asks, root included', async () => {
    const uid = statSync(directory).uid;
    expect(await stateDirectoryFault(directory, uid)).toBeUndefined();
    expect(await stateDirectoryFault(directory, undefined)).toBeUndefined();
    expect(await stateDirectoryFault(place('not there'), uid)).toBeUndefined();
    const fault = await stateDirectoryFault(directory, uid + 1);
    expect(fault?.fault).toMatch(`and not to user ${uid + 1}, who runs the agent`);
  });

  it.runIf(process.geteuid?.() === 0)(
    'is refused when it belongs to a stranger, or to root alone and the agent is not root',
    async () => {
      chownSync(directory, 65_534, 65_534);
      expect((await refusal(directory)).message).toContain('belongs to user 65534');
      chownSync(directory, 0, 0);
      chmodSync(directory, 0o700);
      process.seteuid?.(65_534);
      const { exitCode, message } = await refusal(directory).finally(() => process.seteuid?.(0));
      expect(message).toMatch(/belongs to root and not to user 65534.*with chown/);
      expect(exitCode).toBe(77);
    },
  );
});
