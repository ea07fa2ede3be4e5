import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isUnavailable } from '../../../../base/unavailable.js';
import { utmpLayouts, type UtmpRecord } from '../../../../collectors/kernel/files/utmp.js';
import { UtmpReader } from '../../../../collectors/kernel/files/utmp-reader.js';
import { login } from '../../../../collectors/login/index.js';
import type { Payload } from '../../../../contract/events.js';
import { caseSettings, fakeHost } from '../../../support/case-host.js';
import { FakeClock } from '../../../support/fake-clock.js';

const file = (path: string) => readFileSync(new URL(`../../cases/${path}`, import.meta.url));
const arm = file('arm64-kernel-32-bit-programs/wtmp');
const debian = file('debian-12-logins/wtmp');

type LayoutName = keyof typeof utmpLayouts;
type ByteOrder = 'LE' | 'BE';

interface Written {
  readonly type: number;
  readonly pid: number;
  readonly line: string;
  readonly user: string;
  readonly host: string;
  readonly seconds: number;
  readonly microseconds: number;
  readonly isRemote: boolean;
}

/** As a C library writes it. */
function recordOf(written: Written, name: LayoutName, order: ByteOrder): Buffer {
  const layout = utmpLayouts[name];
  const bytes = Buffer.alloc(layout.sizeBytes);
  const int = (value: number, at: number) =>
    order === 'LE' ? bytes.writeInt32LE(value, at) : bytes.writeInt32BE(value, at);
  const time = (value: number, at: number) => {
    int(value | 0, layout.isWide && order === 'BE' ? at + 4 : at);
  };
  if (order === 'LE') bytes.writeInt16LE(written.type, 0);
  else bytes.writeInt16BE(written.type, 0);
  int(written.pid, 4);
  bytes.write(written.line, 8, 31);
  bytes.write(written.user, 44, 32);
  bytes.write(written.host, 76, 255);
  int(written.pid, 336);
  time(written.seconds, layout.seconds);
  time(written.microseconds, layout.microseconds);
  if (written.isRemote) Buffer.from([192, 0, 2, 7]).copy(bytes, layout.address);
  return bytes;
}

function read(pieces: readonly Buffer[], byteOrder: ByteOrder = 'LE') {
  const records: UtmpRecord[] = [];
  let gaps = 0;
  const reader = new UtmpReader({
    byteOrder,
    onRecord: (record) => records.push(record),
    onGap: (count) => {
      gaps += count;
    },
  });
  for (const piece of pieces) reader.push(piece);
  reader.end();
  return { records, gaps };
}

const written: fc.Arbitrary<Written> = fc.record({
  type: fc.integer({ min: 1, max: 8 }),
  pid: fc.integer({ min: 0, max: 4_194_304 }),
  line: fc.constantFrom('pts/0', 'tty1', 'ssh:notty', '~', 'ttyAMA0'),
  user: fc.oneof(fc.constantFrom('anna', 'root', ''), fc.stringMatching(/^[!-~]{1,31}$/)),
  host: fc.constantFrom('192.0.2.7', '', ':0', 'gateway.example', '6.1.0-13-arm64'),
  // From the first day of a clock without battery on.
  seconds: fc.integer({ min: 1000, max: 4_000_000_000 }),
  microseconds: fc.nat(999_999),
  isRemote: fc.boolean(),
});
/** Records of a file differ. */
const differing = (most: number) =>
  fc.uniqueArray(written, {
    minLength: 2,
    maxLength: most,
    selector: ({ seconds }) => seconds,
  });
const timesOf = (all: readonly Written[]) =>
  all.map(({ seconds, microseconds }) => seconds * 1000 + Math.floor(microseconds / 1000));

describe('records of logins in a file', () => {
  it('of 32-bit programs under a 64-bit kernel are read as these wrote them', () => {
    expect(read([arm])).toMatchObject({
      gaps: 0,
      records: [
        { type: 7, user: 'anna', timeMs: Date.UTC(2023, 10, 14, 22, 13, 20, 5) },
        { type: 8, timeMs: Date.UTC(2023, 10, 14, 22, 14, 20) },
      ],
    });
  });

  it('are read in every layout and byte order, in whatever pieces they come', () => {
    fc.assert(
      fc.property(
        differing(8),
        fc.constantFrom<LayoutName[]>('compact', 'wide', 'packed'),
        fc.constantFrom<ByteOrder[]>('LE', 'BE'),
        fc.constantFrom<ByteOrder[]>('LE', 'BE'),
        fc.integer({ min: 1, max: 1000 }),
        (all, layout, order, own, pieceBytes) => {
          const bytes = Buffer.concat(all.map((each) => recordOf(each, layout, order)));
          // The two long layouts are told apart by what follows, so their records come as they are written.
          const size = layout === 'compact' ? pieceBytes : utmpLayouts[layout].sizeBytes;
          const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
            bytes.subarray(index * size, (index + 1) * size),
          );
          const { records, gaps } = read(pieces, own);
          expect(records.map(({ timeMs }) => timeMs)).toEqual(timesOf(all));
          expect(gaps).toBe(0);
        },
      ),
    );
  });

  it('are read where programs of both kinds write the same file', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(written, fc.boolean()), { minLength: 1, maxLength: 8 }),
        (all) => {
          fc.pre(new Set(all.map(([{ seconds }]) => seconds)).size === all.length);
          const pieces = all.map(([each, isWide]) =>
            recordOf(each, isWide ? 'wide' : 'compact', 'LE'),
          );
          const { records, gaps } = read(pieces);
          expect(records.map(({ timeMs }) => timeMs)).toEqual(timesOf(all.map(([each]) => each)));
          expect(gaps).toBe(0);
        },
      ),
    );
  });

  it('are found again after three stray bytes, and the gap is counted', () => {
    const size = utmpLayouts.compact.sizeBytes;
    const whole = read([debian]).records;
    for (const stray of [Buffer.from('abc'), Buffer.alloc(3), Buffer.from([7, 0, 0])]) {
      for (let index = 0; index < debian.length / size; index++) {
        const cut = index * size;
        const damaged = Buffer.concat([debian.subarray(0, cut), stray, debian.subarray(cut)]);
        expect(read([damaged])).toEqual({ records: whole, gaps: 1 });
      }
    }
  });

  it('lose no more than the one that damage hit, and never silently', () => {
    fc.assert(
      fc.property(
        differing(8),
        fc.constantFrom<LayoutName[]>('compact', 'wide'),
        fc.nat(),
        fc.uint8Array({ minLength: 1, maxLength: 500 }),
        (all, layout, place, stray) => {
          const pieces = all.map((each) => recordOf(each, layout, 'LE'));
          const bytes = Buffer.concat(pieces);
          const at = place % bytes.length;
          const hit = Math.floor(at / utmpLayouts[layout].sizeBytes);
          const damaged = Buffer.concat([bytes.subarray(0, at), stray, bytes.subarray(at)]);
          const { records, gaps } = read([damaged]);
          const found = new Set(records.map(({ timeMs }) => timeMs));
          const intact = timesOf(all).filter((_, index) => index !== hit);
          expect(intact.filter((time) => !found.has(time))).toEqual([]);
          expect(gaps).toBeGreaterThan(0);
        },
      ),
    );
  });

  it('are found again after a hole of zeros and after a record of which a part is missing', () => {
    const first = arm.subarray(0, 384);
    const second = arm.subarray(384);
    const both = read([arm]).records;
    expect(read([first, Buffer.alloc(4096), second])).toEqual({ records: both, gaps: 11 });
    expect(read([first.subarray(0, 200), first, second])).toEqual({ records: both, gaps: 1 });
    expect(read([arm, first.subarray(0, 5)])).toEqual({ records: both, gaps: 1 });
  });

  it('whose writer left something behind a name are read all the same', () => {
    const first = Buffer.from(arm);
    first.write('residue', 8 + 20);
    first.writeUInt16LE(0xbeef, 2);
    expect(read([first]).records).toHaveLength(2);
  });

  it('that stand there twice, byte for byte, are one', () => {
    const first = arm.subarray(0, 384);
    const second = Buffer.from(first);
    second.writeInt32LE(5001, 344);
    expect(read([first, first]).records).toHaveLength(1);
    expect(read([first, second, first, second]).records).toHaveLength(2);
  });
});

describe('the files of logins', () => {
  let logRoot: string;
  beforeEach(() => {
    logRoot = mkdtempSync(join(tmpdir(), 'logins-'));
    writeFileSync(join(logRoot, 'wtmp'), Buffer.concat([arm, Buffer.from('abc')]));
    writeFileSync(join(logRoot, 'btmp'), '');
  });
  afterEach(() => rmSync(logRoot, { recursive: true }));

  it('give what is appended, whatever stood before, count gaps, and tell a failure once', async () => {
    const clock = new FakeClock();
    const told: Payload<'Login'>[] = [];
    const losses: string[] = [];
    const base = fakeHost({ clock, settings: { ...caseSettings, loginSource: 'wtmp' } });
    const running = await login.start({
      host: { ...base, paths: { ...base.paths, logRoot } },
      clock,
      emit: ({ payload }) => told.push(payload),
      lose: (cause, count) => losses.push(`${count} × ${cause}`),
      setSource: () => undefined,
      fail: () => undefined,
    });
    appendFileSync(join(logRoot, 'wtmp'), Buffer.concat([arm, Buffer.from('xyz')]));
    await clock.advance(2000);
    expect(told.map(({ Operation }) => Operation)).toEqual(['login', 'logout']);
    expect(losses).toEqual([]);
    const failure = arm.subarray(0, 384);
    appendFileSync(join(logRoot, 'btmp'), failure);
    await clock.advance(2000);
    appendFileSync(join(logRoot, 'btmp'), failure);
    await clock.advance(2000);
    expect(told.filter(({ Result }) => Result === 'Fail')).toHaveLength(1);
    const later = Buffer.from(failure);
    later.writeInt32LE(1_700_000_500, 340);
    appendFileSync(join(logRoot, 'wtmp'), later);
    await clock.advance(2000);
    expect(told.filter(({ Operation }) => Operation === 'login')).toHaveLength(3);
    expect(losses).toEqual(['1 × unparsed']);
    if (!isUnavailable(running)) await running.stop();
  });
});
