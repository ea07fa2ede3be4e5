import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JsonObject } from '../../../base/json.js';
import { isUnavailable } from '../../../base/unavailable.js';
import { parseState, stateText } from '../../../collectors/file-change/file-state.js';
import { fileChange } from '../../../collectors/file-change/index.js';
import {
  defaultPlaces,
  type Place,
} from '../../../collectors/file-change/places/default-places.js';
import { homesOf } from '../../../collectors/file-change/places/homes.js';
import { Places } from '../../../collectors/file-change/places/places.js';
import type { Observation, RunningCollector } from '../../../collectors/interface/collector.js';
import type { FileEventSubscriber } from '../../../collectors/kernel/files/inotify.js';
import type { TwinOfCollectors } from '../../../collectors/interface/host.js';
import { pathsUnder } from '../../../collectors/kernel/paths.js';
import { fakeHost } from '../../support/case-host.js';
import { FakeClock } from '../../support/fake-clock.js';

describe('what is watched', () => {
  const passwd = [
    'root:x:0:0:root:/root:/bin/bash',
    'daemon:x:1:1::/usr/sbin:/usr/sbin/nologin',
    'games:x:5:60::/:/bin/sh',
    'evil:x:6:6::/proc/self:/bin/sh',
    'up:x:7:7::/home/../etc:/bin/sh',
    'anna:x:1000:1000::/home/anna:/bin/bash',
    '# a comment',
  ].join('\n');
  const places = new Places({ places: defaultPlaces, homes: homesOf(passwd) });

  it('is in the homes of those who can log in, and in no place that is none', () => {
    expect(homesOf(passwd).map(({ path }) => path)).toEqual(['/root', '/home/anna']);
    const many = Array.from(
      { length: 500 },
      (_, uid) => `u${uid}:x:${uid}:1::/home/${uid}:/bin/sh`,
    );
    expect(homesOf(many.join('\n'))).toHaveLength(64);
  });

  it('is what the table says: files, entries of directories, and whole trees', () => {
    const covered = ['/etc/shadow', '/etc/cron.d/job', '/etc/systemd/system/a.wants/b.service'];
    const more = [
      '/var/spool/cron/crontabs/anna',
      '/home/anna/.ssh/authorized_keys',
      '/etc/cron.d',
    ];
    const not = ['/etc/hostname', '/etc/cron.d/sub/job', '/home/anna/notes', '/etc/shadow/x', '/'];
    for (const path of [...covered, ...more])
      expect([path, places.covers(path)]).toEqual([path, true]);
    for (const path of not) expect([path, places.covers(path)]).toEqual([path, false]);
  });

  it('is nothing that the agent writes to, also below a tree that somebody asked for', () => {
    const custom: Place[] = [
      { path: '/data', reach: 'tree' },
      { path: '/run/agent', reach: 'directory' },
    ];
    const except = ['/data/agent/state', '/run/agent'];
    const own = new Places({ places: custom, homes: [], except });
    const not = ['/data/agent/state', '/data/agent/state/spool/low-1.journal', '/run/agent/status'];
    for (const path of not) expect([path, own.covers(path)]).toEqual([path, false]);
    for (const path of ['/data/agent', '/data/agent/state-of-others'])
      expect([path, own.covers(path)]).toEqual([path, true]);
    expect(own.entersInto('/data/agent/state')).toBe(false);
    expect(own.auditRules().map((rule) => 'watch' in rule && rule.watch)).not.toContain(
      '/run/agent',
    );
  });

  it('needs few rules of audit, of which none is on the whole of the file system', () => {
    const rules = places.auditRules();
    const trees = rules.filter((rule) => 'tree' in rule && rule.tree);
    expect(trees.length).toBeLessThanOrEqual(8);
    expect(rules.length).toBeLessThanOrEqual(40);
    for (const rule of rules) expect(rule).toHaveProperty('watch', expect.stringMatching(/^\/\w/u));
  });
});

it('a state that was written down is read again, and nothing else is', () => {
  const state = fc.record({
    type: fc.constantFrom('file', 'directory', 'link', 'other'),
    mode: fc.nat(0o7777),
    uid: fc.nat(0xffff_fffe),
    gid: fc.nat(0xffff_fffe),
    size: fc.nat(),
    mtimeMs: fc.integer(),
    ctimeMs: fc.integer(),
    inode: fc.constantFrom('254:0:17', '0:42:99999999'),
    hash: fc.constantFrom(undefined, 'ab_-'.repeat(10) + 'xyz'),
  });
  fc.assert(
    fc.property(state, (one) => {
      expect(parseState(stateText(one))).toEqual(one);
    }),
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(parseState(text)).toBeUndefined();
    }),
  );
});

describe('a watched device', () => {
  let root: string;
  let clock: FakeClock;
  let told: Observation<'FileChange'>[];
  let memory: JsonObject | undefined;
  let inotify: FileEventSubscriber | undefined;
  let running: RunningCollector | undefined;
  let twin: { current: TwinOfCollectors['current'] };

  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const start = async (): Promise<void> => {
    const host = fakeHost({
      paths: pathsUnder(root),
      clock,
      twin,
      memory: { read: () => Promise.resolve(memory), write: (_, value) => void (memory = value) },
      fileEvents: {
        subscribe: (subscriber) => {
          inotify = subscriber;
          const watch = (): undefined => undefined;
          return Promise.resolve({ watch, unwatch: watch, end: watch });
        },
      },
    });
    const answer = await fileChange.start({
      ...{ host, clock, lose: vi.fn(), setSource: vi.fn(), fail: vi.fn() },
      emit: (observation) => told.push(observation),
    });
    if (isUnavailable(answer)) throw new Error(answer.unavailable);
    running = answer;
  };
  const stop = async (): Promise<void> => {
    await running?.stop();
    running = undefined;
  };
  const touch = (path: string): void =>
    inotify?.onEvent({ path: join(root, path), kind: 'changed', cookie: 0, isDirectory: false });
  const says = () => told.map(({ payload: { Change, Path } }) => `${Change} ${Path}`).toSorted();
  const until = (check: () => void) =>
    vi.waitFor(
      async () => {
        await clock.advance(500);
        check();
      },
      { interval: 2, timeout: 10_000 },
    );
  /** What is known is written down half a minute after the look. */
  const looked = () => until(() => expect(memory).toBeDefined());

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'file-watch-'));
    [clock, told, memory] = [new FakeClock(), [], undefined];
    twin = { current: fakeHost().twin.current };
    put('/etc/passwd', 'root:x:0:0::/root:/bin/sh');
    put('/etc/shadow', 'root:*:');
    put('/etc/cron.d/job', 'old');
    put('/usr/lib/systemd/system/a.service', '[Unit]');
    symlinkSync('usr/lib', join(root, 'lib'));
  });

  afterEach(async () => {
    await stop();
    rmSync(root, { recursive: true });
  });

  it('is silent at the first look, and tells each change once with before and after', async () => {
    await start();
    await looked();
    expect(told).toEqual([]);
    // What an editor does: another file, put in the place of the first.
    put('/etc/cron.d/.job.swp', 'new');
    chmodSync(join(root, '/etc/cron.d/.job.swp'), 0o600);
    renameSync(join(root, '/etc/cron.d/.job.swp'), join(root, '/etc/cron.d/job'));
    for (const name of ['.job.swp', 'job', '.job.swp']) touch(`/etc/cron.d/${name}`);
    put('/root/.ssh/authorized_keys', 'key');
    put('/etc/shadow', 'root:$y$:');
    for (const path of ['/root/.ssh/authorized_keys', '/etc/shadow', '/etc/cron.d']) touch(path);
    put('/usr/lib/systemd/system/new.d/x.conf', '');
    touch('/usr/lib/systemd/system/new.d');
    await until(() => expect(told).toHaveLength(5));
    expect(says()).toEqual([
      'Changed /etc/cron.d/job',
      'Changed /etc/shadow',
      'Created /root/.ssh/authorized_keys',
      'Created /usr/lib/systemd/system/new.d',
      'Created /usr/lib/systemd/system/new.d/x.conf',
    ]);
    const detailsOf = (path: string) =>
      told.find(({ payload }) => payload.Path === path)?.payload.ExtraDetails;
    expect(detailsOf('/etc/cron.d/job')).toMatchObject({
      ...{ ModeBefore: '0644', ModeAfter: '0600', WhoKnown: 'false' },
      HashBefore: 'cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4',
      HashAfter: '11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437',
    });
    expect(JSON.stringify(detailsOf('/etc/shadow'))).not.toMatch(/HashBefore|HashAfter/u);
    expect(JSON.stringify(memory)).not.toContain('$y$');
  });

  it('follows where a link leads at once, and what the twin names within a minute', async () => {
    put('/data/a', 'old');
    await start();
    await looked();
    renameSync(join(root, '/etc/cron.d'), join(root, '/jobs'));
    symlinkSync('../jobs', join(root, '/etc/cron.d'));
    touch('/etc/cron.d');
    await until(() => expect(says()).toContain('Changed /etc/cron.d'));
    // Until they were looked at, nothing is known of what was before.
    await until(() => expect(JSON.stringify(memory)).toContain('/jobs/job'));
    put('/jobs/job', 'new');
    touch('/jobs/job');
    await until(() => expect(says()).toContain('Changed /jobs/job'));
    twin.current = { ...twin.current, fileChangePaths: '/data' };
    await clock.advance(60_000);
    await until(() => expect(JSON.stringify(memory)).toContain('/data/a'));
    put('/data/a', 'new');
    touch('/data/a');
    await until(() => expect(says()).toContain('Changed /data/a'));
  });

  it('tells at its start what changed meanwhile, and what was not known before is no change', async () => {
    await start();
    await looked();
    await stop();
    const before = memory;
    put('/etc/cron.d/other', 'x');
    put('/etc/cron.d/job', 'changed');
    rmSync(join(root, '/usr/lib/systemd/system/a.service'));
    // A home that is new to the agent.
    put('/etc/passwd', 'root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh');
    put('/home/anna/.profile', 'x');
    await start();
    await until(() => expect(told).toHaveLength(4));
    expect(says()).toEqual([
      'Changed /etc/cron.d/job',
      'Changed /etc/passwd',
      'Created /etc/cron.d/other',
      'Deleted /usr/lib/systemd/system/a.service',
    ]);
    for (const { payload } of told)
      expect(payload.ExtraDetails).toMatchObject({ WhileDown: 'true', WhoKnown: 'false' });
    // Told, and known from then on.
    await stop();
    expect(memory).not.toEqual(before);
    told.length = 0;
    await start();
    await clock.advance(60_000);
    await stop();
    expect(told).toEqual([]);
  });
});
