import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JsonObject } from '../../../base/json.js';
import { isUnavailable } from '../../../base/unavailable.js';
import type { FileScan } from '../../../collectors/interface/file-scan.js';
import type { Host } from '../../../collectors/interface/host.js';
import type { Items } from '../../../collectors/interface/state-subject.js';
import { modeRules, readModeChange } from '../../../collectors/kernel/audit/mode-change.js';
import type { AuditSubscriber } from '../../../collectors/kernel/audit/source.js';
import type { FileEventSubscriber } from '../../../collectors/kernel/files/inotify.js';
import { pathsUnder } from '../../../collectors/kernel/paths.js';
import { setUidFile } from '../../../collectors/state-change/subjects/set-uid-file.js';
import { placesOf } from '../../../collectors/state-change/subjects/set-uid-places.js';
import { eventsOf } from '../../support/audit-cases.js';
import { fakeHost } from '../../support/case-host.js';
import { FakeClock } from '../../support/fake-clock.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'set-uid-'));
  for (const directory of ['proc', 'etc', 'usr/bin', 'srv'])
    mkdirSync(join(root, directory), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

function put(path: string, mode: number, text = path): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  chmodSync(join(root, path), mode);
}

/** As kernel 6.18 recorded `chmod 4755 a`, and fchmod(2) of another file. */
const captured = eventsOf('set-uid-kernel-6.18-x64.log');

describe('a call that sets the set-uid or set-gid bit', () => {
  it('is asked for by its mode, and for those calls alone', () => {
    expect(modeRules.map(({ argumentBits }) => argumentBits)).toEqual([
      { argument: 1, bits: 0o6000 },
      { argument: 2, bits: 0o6000 },
    ]);
  });

  it('tells the file by its name, or else what may lead to it, and who made it', () => {
    const [chmod, fchmod] = captured.map((event) => readModeChange(event));
    expect(chmod).toMatchObject({ name: 'a', base: { directory: '/tmp/c/su' }, uid: 0 });
    expect(chmod?.title).toEqual(['chmod', '4755', 'a']);
    expect(fchmod).toMatchObject({
      ...{ name: undefined, descriptor: 4, inode: 14_589_956 },
      executable: '/usr/bin/python3.11',
    });
    const paths = pathsUnder('/nonexistent');
    expect(chmod && placesOf(chmod, paths)).toEqual({ files: ['/tmp/c/su/a'], directories: [] });
    const copied = fchmod && { ...fchmod, title: ['cp', '-p', '/usr/bin/su', '/tmp'] };
    const given = ['/usr/bin/su', '/tmp'];
    expect(copied && placesOf(copied, paths)).toEqual({ files: given, directories: given });
    const withoutBits = captured.map(({ records, ...event }) => ({
      ...event,
      records: records.map((record) => ({
        ...record,
        body: record.body.replace(/ (a[12])=(?:9ed|ded) /, ' $1=1ed '),
      })),
    }));
    expect(withoutBits.map((event) => readModeChange(event))).toEqual([undefined, undefined]);
  });

  it('never makes its records throw', () => {
    const bodies = captured.flatMap(({ records }) => records);
    const changed = fc
      .tuple(fc.constantFrom(...bodies), fc.nat(400), fc.string({ maxLength: 8 }))
      .map(([record, place, text]) => ({
        ...record,
        body: record.body.slice(0, place) + text + record.body.slice(place + text.length),
      }));
    fc.assert(
      fc.property(fc.array(changed, { maxLength: 6 }), (records) => {
        const change = readModeChange({ id: 'x', serial: 1, timeMs: 1, records, complete: true });
        if (change !== undefined) {
          const { files, directories } = placesOf(change, pathsUnder('/nonexistent'));
          for (const place of [...files, ...directories]) expect(place.startsWith('/')).toBe(true);
        }
      }),
    );
  });
});

function scanOf(...paths: string[]): FileScan {
  const first = paths.map((path) => ({ path, mode: 0o4755, uid: 0, gid: 0 }));
  const none = { total: 0, first: [] };
  return {
    ...{ startedMs: 1, durationMs: 1, files: 1 },
    found: {
      raised: { total: first.length, first },
      ...{ writable: none, writablePrograms: none, openDirectories: none },
      ...{ ownerless: none, grouplessFiles: none },
    },
  };
}

/** A device whose looks follow one another as the collector makes them. */
class Device {
  /** What was made by the test before its first look was there before. */
  readonly clock: FakeClock;
  readonly kept = new Map<string, JsonObject>();
  readonly changed = vi.fn();
  scan: FileScan | undefined;
  audit: AuditSubscriber | undefined;
  /** Who is told of files, where the kernel tells of them. */
  news: FileEventSubscriber | undefined;
  readonly watched = new Set<string>();
  subject = setUidFile();
  known: Items | undefined;
  readonly limits: (string | undefined)[] = [];

  constructor(
    private readonly hasAudit = true,
    aheadMs = 1_000,
    private readonly hasNews = false,
  ) {
    this.clock = new FakeClock(Date.now() + aheadMs);
  }

  host(): Host {
    return fakeHost({
      clock: this.clock,
      paths: pathsUnder(root),
      memory: {
        read: (name) => Promise.resolve(this.kept.get(name)),
        write: (name, value) => void this.kept.set(name, value),
      },
      fileScans: { latest: () => this.scan },
      fileEvents: {
        subscribe: (subscriber) => {
          if (!this.hasNews) return Promise.resolve({ unavailable: 'There is none.' });
          this.news = subscriber;
          return Promise.resolve({
            watch: (path) => void this.watched.add(path),
            unwatch: (path) => void this.watched.delete(path),
            end: () => this.watched.clear(),
          });
        },
      },
      audit: {
        subscribe: (subscriber) => {
          if (!this.hasAudit) return Promise.resolve({ unavailable: 'There is none.' });
          this.audit = subscriber;
          return Promise.resolve({ end: () => Promise.resolve() });
        },
      },
    });
  }

  async watch() {
    const watching = await this.subject.watch?.({
      ...{ host: this.host(), lose: vi.fn(), changed: this.changed, fail: vi.fn() },
      limit: (sentence) => this.limits.push(sentence),
    });
    if (watching === undefined || isUnavailable(watching)) throw new Error('Not watched.');
    return watching;
  }

  /** What is new, gone or different, and would be told. */
  async look(): Promise<string[]> {
    const signal = new AbortController().signal;
    const { known } = this;
    const items = await this.subject.look({
      ...{ host: this.host(), lose: vi.fn(), signal, known, mark: String },
    });
    if (isUnavailable(items)) throw new Error(items.unavailable);
    this.known = items;
    if (known === undefined) return [];
    return [
      ...[...items.keys()].flatMap((item) =>
        known.get(item) === items.get(item) || this.subject.isOld?.(item) === true ? [] : [item],
      ),
      ...[...known.keys()].flatMap((item) => (items.has(item) ? [] : [`no ${item}`])),
    ];
  }
}

describe('SetUidFile', () => {
  it('tells a new one by its call, with who made it, and its mode, owner and sum', async () => {
    const device = new Device();
    const watching = await device.watch();
    await device.look();
    put('tmp/c/su/a', 0o4755, 'program');
    const [chmod] = captured;
    if (chmod === undefined) throw new Error('Nothing was captured.');
    device.audit?.onEvent(chmod);
    expect(device.changed).toHaveBeenCalledTimes(1);
    expect(await device.look()).toEqual(['/tmp/c/su/a']);
    expect(device.known?.get('/tmp/c/su/a')).toMatch(
      /^mode 4755, owner \w+, group \d+, sha256 1310ca2c8932dbd1$/,
    );
    expect(device.subject.whoOf?.('/tmp/c/su/a')).toMatchObject({
      executable: '/usr/bin/chmod',
      userId: '0',
    });
    // Of what becomes of it later somebody else may be the cause.
    rmSync(join(root, 'tmp/c/su/a'));
    expect(await device.look()).toEqual(['no /tmp/c/su/a']);
    expect(device.subject.whoOf?.('/tmp/c/su/a')).toBeUndefined();
    await watching.stop();
    expect(device.clock.timers).toBe(0);
  });

  it('compares those that are known each half minute, and looks when one is different', async () => {
    put('usr/bin/su', 0o4755);
    const device = new Device();
    const watching = await device.watch();
    await device.look();
    expect([...(device.known ?? [])].map(([item]) => item)).toEqual(['/usr/bin/su']);
    const half = (): Promise<void> =>
      vi.waitFor(async () => {
        await device.clock.advance(30_000);
        expect(device.changed).toHaveBeenCalled();
      });
    chmodSync(join(root, 'usr/bin/su'), 0o755);
    await half();
    expect(await device.look()).toEqual(['no /usr/bin/su']);
    await watching.stop();
  });

  it('is told by the kernel of those that are known, and asks nothing of the disk meanwhile', async () => {
    put('usr/bin/su', 0o4755);
    const place = join(root, 'usr/bin/su');
    const device = new Device(true, 1_000, true);
    const watching = await device.watch();
    await device.look();
    expect([...device.watched]).toEqual([place]);
    // What changed before it was watched is found once, and then nothing is due for minutes.
    await device.clock.advance(1_000);
    await vi.waitFor(() => expect(device.clock.nextMs()).toBeGreaterThan(300_000));
    chmodSync(place, 0o755);
    device.news?.onEvent({ path: place, kind: 'attributes', cookie: 0, isDirectory: false });
    expect(device.changed).toHaveBeenCalledTimes(1);
    expect(await device.look()).toEqual(['no /usr/bin/su']);
    expect(device.watched.size).toBe(0);
    await watching.stop();
    expect(device.clock.timers).toBe(0);
  });

  it('finds within a second what changed while it began to be watched', async () => {
    put('usr/bin/su', 0o4755);
    const device = new Device(true, 1_000, true);
    const watching = await device.watch();
    await device.look();
    chmodSync(join(root, 'usr/bin/su'), 0o755);
    await device.clock.advance(1_000);
    await vi.waitFor(() => expect(device.changed).toHaveBeenCalledTimes(1));
    await watching.stop();
  });

  it('does not tell what the first scan finds and was there before, but what came since, and what later ones find', async () => {
    put('srv/old', 0o4755);
    const device = new Device(false);
    const watching = await device.watch();
    expect(device.limits[0]).toMatch(/scan of the maintenance window only: There is none\.$/);
    expect(await device.look()).toEqual([]);
    expect(device.known?.size).toBe(0);
    device.scan = scanOf('/srv/old');
    expect(await device.look()).toEqual([]);
    expect(device.known?.size).toBe(1);
    put('srv/mounted', 0o4755);
    device.scan = scanOf('/srv/old', '/srv/mounted', '/srv/gone');
    expect(await device.look()).toEqual(['/srv/mounted']);

    // Another run knows the same, and finds what was made before it where programs are.
    device.subject = setUidFile();
    put('srv/another', 0o2755);
    put('usr/local/bin/hidden', 0o4755);
    device.scan = scanOf('/srv/old', '/srv/another');
    expect(await device.look()).toEqual(['/srv/another', '/usr/local/bin/hidden']);
    await watching.stop();
  });

  it('finds a file whose call does not tell which one it is by what the process was called with', async () => {
    const device = new Device(true, -60_000);
    const watching = await device.watch();
    await device.look();
    put('srv/d/unpacked', 0o4755);
    const { ino } = statSync(join(root, 'srv/d/unpacked'));
    const [, fchmod] = captured;
    if (fchmod === undefined) throw new Error('Nothing was captured.');
    const title = Buffer.from('tar\0xf\0a.tar\0-C\0/srv').toString('hex').toUpperCase();
    device.audit?.onEvent({
      ...fchmod,
      records: fchmod.records.map((record) => ({
        ...record,
        body: record.body
          .replace(/proctitle=.*/, `proctitle=${title}`)
          .replace(/inode=\d+/, `inode=${ino}`),
      })),
    });
    expect(await device.look()).toEqual(['/srv/d/unpacked']);
    expect(device.subject.whoOf?.('/srv/d/unpacked')).toMatchObject({ pid: 812 });
    await watching.stop();
  });

  it('searches the usual directories for a file whose call does not tell which one it is', async () => {
    const device = new Device(true, -60_000);
    const watching = await device.watch();
    await device.look();
    put('usr/bin/installed', 0o4755);
    const byDescriptor = captured.at(-1);
    if (byDescriptor === undefined) throw new Error('Nothing was captured.');
    device.audit?.onEvent(byDescriptor);
    const told: string[] = [];
    for (let time = 0; time < 3; time++) {
      told.push(...(await device.look()));
      await device.clock.advance(30_000);
    }
    expect(told).toEqual(['/usr/bin/installed']);
    await watching.stop();
  });
});
