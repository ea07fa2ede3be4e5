import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { restoreTracing } from '../../../agent/commands/host-restore.js';
import { hostSetup } from '../../../agent/commands/host-setup.js';
import { foreignNote } from '../../../collectors/kernel/audit/change-note.js';
import { transitionFilter } from '../../../collectors/kernel/sockets/sock-state.js';

let root = '';
let said: string[] = [];
const warn = (sentence: string): void => void said.push(sentence);
const ownUid = process.getuid?.() ?? 0;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'host-steps-'));
  said = [];
});
afterEach(() => rmSync(root, { recursive: true }));

/** The kernel fills a new instance with files; here they have to be there before. */
function fakeInstance(): string {
  const directory = join(root, 'instances', 'iot-security-agent');
  mkdirSync(join(directory, 'events/sock/inet_sock_set_state'), { recursive: true });
  mkdirSync(join(directory, 'per_cpu/cpu0'), { recursive: true });
  writeFileSync(join(directory, 'events/sock/inet_sock_set_state/enable'), '0\n');
  return directory;
}

const setUp = (uidOf: (user: string) => number | undefined = () => ownUid): number =>
  hostSetup({ user: 'somebody', uidOf, warn, mountPoints: [root] });

describe('host-setup', () => {
  it('prepares the trace, also a second time, and gives away one file', () => {
    const directory = fakeInstance();
    expect([setUp(), setUp()]).toEqual([0, 0]);
    const content = (file: string): string => readFileSync(join(directory, file), 'utf8');
    expect(content('trace_clock')).toBe('mono');
    expect(content('buffer_size_kb')).toBe('512');
    expect(content('events/sock/inet_sock_set_state/filter')).toBe(transitionFilter);
    expect(content('events/sock/inet_sock_set_state/enable')).toBe('0\n');
    expect(statSync(join(directory, 'events/sock/inet_sock_set_state/enable')).uid).toBe(ownUid);
    expect(said).toEqual([]);
  });

  it('says what is missing, and changes nothing: tracing, the event, the user', () => {
    expect(setUp()).toBe(1);
    expect(said.pop()).toContain('not mounted');
    mkdirSync(join(root, 'instances'));
    expect(setUp(() => undefined)).toBe(1);
    expect(said.pop()).toContain('no user somebody');
    expect(readdirSync(join(root, 'instances'))).toEqual([]);
  });
});

describe('host-restore', () => {
  it('removes the instances of agents and no others', () => {
    const mine = ['iot-security-agent', 'iot-security-agent-12-1'];
    const others = ['iot-security-agent-of-mine', 'trace', 'iot-security-agent-1-1x'];
    for (const name of [...mine, ...others])
      mkdirSync(join(root, 'instances', name), { recursive: true });
    restoreTracing(warn, [root]);
    restoreTracing(warn, [root]);
    expect(readdirSync(join(root, 'instances')).sort()).toEqual([...others].sort());
    expect(said).toEqual([]);
  });

  it('leaves an instance that cannot be removed, and says so', () => {
    fakeInstance();
    restoreTracing(warn, [root]);
    expect(said).toEqual([expect.stringContaining('iot-security-agent')]);
  });

  it('does nothing where nothing can have been left', () => {
    restoreTracing(warn, [join(root, 'nowhere')]);
    expect(said).toEqual([]);
  });
});

describe('the note of an agent that has ended', () => {
  const bootId = 'this-boot';
  const changes = { enabled: { before: 0, ours: 1 }, backlogLimit: { before: 64, ours: 8192 } };
  const text = (note: unknown): string => JSON.stringify(note);
  const put = (content: string): string => {
    writeFileSync(join(root, 'note'), content);
    return join(root, 'note');
  };
  const read = (path: string): unknown => Object.fromEntries(foreignNote(path, bootId).read());

  it('is believed when it is one', () => {
    expect(read(put(text({ bootId, changes })))).toEqual(changes);
  });

  it.each([
    ['another boot', text({ bootId: 'before', changes })],
    ['no JSON', '{'],
    ['null', 'null'],
    ['changes that are null', text({ bootId, changes: null })],
    ['a change that is null', text({ bootId, changes: { enabled: null } })],
    ['a lock', text({ bootId, changes: { enabled: { before: 2, ours: 1 } } })],
    ['a fraction', text({ bootId, changes: { failure: { before: 0.5, ours: 1 } } })],
    ['another name', text({ bootId, changes: { ownerPid: { before: 1, ours: 1 } } })],
    ['too much', text({ bootId, changes }) + ' '.repeat(5000)],
  ])('counts for nothing with %s', (_, content) => {
    expect(read(put(content))).toEqual({});
  });

  it('counts for nothing as a link, a pipe or a directory, and keeps nobody waiting', () => {
    const target = put(text({ bootId, changes }));
    const link = join(root, 'link');
    symlinkSync(target, link);
    execFileSync('mkfifo', [join(root, 'pipe')]);
    for (const path of [link, join(root, 'pipe'), root, join(root, 'missing')]) {
      expect(read(path)).toEqual({});
    }
  });

  it('is removed by its name alone: what a link leads to stays', () => {
    const target = put('precious');
    symlinkSync(target, join(root, 'link'));
    linkSync(target, join(root, 'hard'));
    for (const name of ['link', 'hard', 'missing']) {
      foreignNote(join(root, name), bootId).write(new Map());
    }
    expect(readFileSync(target, 'utf8')).toBe('precious');
    expect([existsSync(join(root, 'link')), existsSync(join(root, 'hard'))]).toEqual([
      false,
      false,
    ]);
  });
});
