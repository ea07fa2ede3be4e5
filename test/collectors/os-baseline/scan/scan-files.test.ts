import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../../../base/clock.js';
import { pathsUnder } from '../../../../collectors/kernel/paths.js';
import { kindsOf, type ScannedFile } from '../../../../collectors/os-baseline/scan/classify.js';
import { localMounts } from '../../../../collectors/os-baseline/scan/local-mounts.js';
import { scanFiles } from '../../../../collectors/os-baseline/scan/scan-files.js';
import { parseStoredScan } from '../../../../collectors/os-baseline/scan/stored-scan.js';
import { mountsOf, parseMountInfo } from '../../../../collectors/os-baseline/facts/mounts.js';

const root = mkdtempSync(join(tmpdir(), 'scan-'));
afterAll(() => rmSync(root, { recursive: true }));

function file(path: string | Buffer, mode: number): void {
  const whole = Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path as string)]);
  writeFileSync(whole, '');
  chmodSync(whole, mode);
}

function directory(path: string, mode = 0o755): void {
  mkdirSync(join(root, path), { recursive: true });
  chmodSync(join(root, path), mode);
}

for (const path of ['etc', 'proc/1', 'usr/bin', 'var/lib/docker/overlay2', 'srv']) directory(path);
directory('tmp', 0o1777);
directory('srv/in', 0o777);
const me = process.getuid?.() ?? 0;
writeFileSync(join(root, 'etc/passwd'), `root:x:0:0::/root:/bin/sh\nme:x:${me}:0::/:/bin/sh\n`);
writeFileSync(join(root, 'etc/group'), `root:x:0:\nme:x:${process.getgid?.() ?? 0}:\n`);
writeFileSync(join(root, 'proc/1/mountinfo'), '22 1 8:2 / / rw - ext4 /dev/sda2 rw\n');
file('usr/bin/helper', 0o4755);
file('usr/bin/notes', 0o4644);
file('usr/bin/plain', 0o755);
file('usr/bin/open', 0o757);
file('srv/shared', 0o666);
file('var/lib/docker/overlay2/sudo', 0o4755);
file(Buffer.from('srv/k\xe4se', 'latin1'), 0o666);
symlinkSync('/', join(root, 'srv/loop'));

const scan = (signal = new AbortController().signal) =>
  scanFiles({ host: { paths: pathsUnder(root), clock: systemClock }, signal });

describe('a scan of all files', () => {
  it('finds what is remarkable, by its path on the device, and no file of a container', async () => {
    const { found, incomplete, files } = await scan();
    expect(incomplete).toBeUndefined();
    expect(files).toBeGreaterThan(15);
    const paths = (list: { first: readonly { path: string }[] }) =>
      list.first.map(({ path }) => path).sort();
    expect(paths(found.raised)).toEqual(['/usr/bin/helper']);
    expect(paths(found.writablePrograms)).toEqual(['/usr/bin/open']);
    expect(paths(found.writable)).toEqual(['/srv/k\ufffdse', '/srv/shared']);
    expect(paths(found.openDirectories)).toEqual(['/srv/in']);
    expect(paths(found.ownerless)).toEqual([]);
    expect(found.raised).toMatchObject({ total: 1, first: [{ mode: 0o4755, uid: me }] });
  });

  it('survives being kept, and anything else in its place is none', async () => {
    const result = await scan();
    expect(parseStoredScan(JSON.stringify(result))).toEqual(result);
    for (const text of ['', '{', '[]', '{}', '{"startedMs":1,"durationMs":1,"files":1,"found":{}}'])
      expect(parseStoredScan(text)).toBeUndefined();
  });

  it('that is ended says so, and keeps what it found', async () => {
    const controller = new AbortController();
    // It is ended where it rests, in the midst of the files.
    const clock: Clock = {
      ...systemClock,
      monotonicMs: () => performance.now() * 1000,
      after: (delayMs, action) => {
        controller.abort();
        return systemClock.after(delayMs, action);
      },
    };
    const found = await scanFiles({
      host: { paths: pathsUnder(root), clock },
      signal: controller.signal,
    });
    expect(found.incomplete).toBe('the scan ran out of time');
  });

  it('says nothing of owners where a directory service has accounts', async () => {
    const services = join(root, 'etc/nsswitch.conf');
    writeFileSync(services, 'passwd: files sss\n');
    expect((await scan()).ownersUnknown).toContain('directory service');
    rmSync(services);
  });
});

describe('the file systems of a scan', () => {
  it('are those of the device itself, each once', () => {
    const mounts = mountsOf(
      parseMountInfo(
        [
          '22 1 179:2 / / rw - ext4 /dev/mmcblk0p2 rw',
          '23 22 0:20 / /proc rw - proc proc rw',
          '24 22 0:5 / /dev rw - devtmpfs udev rw',
          '25 22 179:3 / /data rw - f2fs /dev/mmcblk0p3 rw',
          '26 22 179:3 /logs /var/log rw - f2fs /dev/mmcblk0p3 rw',
          '27 22 0:40 / /mnt/share rw - nfs4 10.0.0.1:/x rw',
          '28 22 0:41 / /var/lib/docker/overlay2/1/merged rw - overlay overlay rw',
          '29 22 7:1 / /snap/core/1 ro - squashfs /dev/loop1 ro',
          '30 22 179:4 / /boot rw - vfat /dev/mmcblk0p1 rw',
          '31 25 0:50 / /data rw - tmpfs tmpfs rw',
        ].join('\n'),
      ),
    );
    // /data is hidden under a tmpfs; its file system is still seen at /var/log.
    expect(localMounts(mounts).map(({ mountPoint }) => mountPoint)).toEqual(['/', '/var/log']);
  });

  it('include a root that is an overlay', () => {
    const mounts = mountsOf(parseMountInfo('22 1 0:30 / / rw - overlay overlay rw'));
    expect(localMounts(mounts).map(({ type }) => type)).toEqual(['overlay']);
  });
});

describe('what is remarkable', () => {
  const plain: ScannedFile = {
    path: '/a',
    mode: 0o644,
    uid: 0,
    gid: 0,
    kind: 'file',
    obeysSetUid: true,
  };
  const known = { uids: new Set([0]), gids: new Set([0]) };

  it('is a set-uid bit only where it has an effect', () => {
    expect(kindsOf({ ...plain, mode: 0o4755 }, known)).toEqual(['raised']);
    expect(kindsOf({ ...plain, mode: 0o2755 }, known)).toEqual(['raised']);
    expect(kindsOf({ ...plain, mode: 0o4755, obeysSetUid: false }, known)).toEqual([]);
    expect(kindsOf({ ...plain, kind: 'directory', mode: 0o2755 }, known)).toEqual([]);
  });

  it('is an owner without an account, but not one that systemd made for a while', () => {
    expect(kindsOf({ ...plain, uid: 1234 }, known)).toEqual(['ownerless']);
    expect(kindsOf({ ...plain, gid: 1234 }, known)).toEqual(['grouplessFiles']);
    expect(kindsOf({ ...plain, uid: 62_000, gid: 62_000 }, known)).toEqual([]);
    expect(kindsOf({ ...plain, uid: 1234 }, {})).toEqual([]);
  });

  it('is no mode of a symbolic link or a directory with the sticky bit', () => {
    expect(kindsOf({ ...plain, kind: 'other', mode: 0o777 }, known)).toEqual([]);
    expect(kindsOf({ ...plain, kind: 'directory', mode: 0o1777 }, known)).toEqual([]);
    expect(kindsOf({ ...plain, kind: 'directory', mode: 0o777 }, known)).toEqual([
      'openDirectories',
    ]);
  });
});
