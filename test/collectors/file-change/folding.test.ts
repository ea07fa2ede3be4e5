import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Folding, type Told } from '../../../collectors/file-change/folding.js';
import type { FoundChange } from '../../../collectors/file-change/found-change.js';
import { observationOf } from '../../../collectors/file-change/payload.js';
import { Pending } from '../../../collectors/file-change/pending.js';
import type { FileState } from '../../../collectors/file-change/file-state.js';
import type { Doer, KnownProcess } from '../../../collectors/file-change/sources/touch.js';
import { FakeClock } from '../../support/fake-clock.js';

const program = (pid: number, executable: string): KnownProcess => ({
  ...{ pid, executable, argv: [executable, '-y'], uid: 0 },
});
const state = (inode: string, hash = 'A'.repeat(43)): FileState => ({
  ...{ type: 'file', mode: 0o644, uid: 0, gid: 0, size: 1, mtimeMs: 1, ctimeMs: 1, inode, hash },
});
const created = (path: string, doer?: Doer): FoundChange => ({
  ...{ path, change: 'Created', before: undefined, after: state('1:1:1'), timeMs: 1000, doer },
});
const apt = program(10, '/usr/bin/apt-get');
const ofPackage = (pid: number, executable: string): Doer => ({
  ...{ process: program(pid, executable), loginUid: 1000, installs: true },
  above: [program(11, '/usr/bin/dpkg'), apt],
});
const by = (pid: number): Doer => ({
  ...{ process: program(pid, '/usr/bin/vi'), loginUid: 1000, above: [], installs: false },
});
const payloads = (told: readonly Told[]) =>
  told.map((one) => observationOf(one, () => 'root').payload);

function fold(changes: readonly FoundChange[]): readonly Told[] {
  const told: Told[] = [];
  const folding = new Folding((one) => told.push(one));
  changes.forEach((change, index) => folding.take(change, index));
  folding.tell(changes.length + 600_000);
  expect(folding.size).toBe(0);
  return told;
}

describe('changes that were made together', () => {
  it('are one burst of the package manager, whichever of its programs made them', () => {
    const told = fold([
      created('/etc/cron.d/a', ofPackage(20, '/usr/bin/dpkg-deb')),
      created('/usr/lib/systemd/system/a.service', ofPackage(21, '/usr/bin/perl')),
      created('/etc/cron.d/mine', by(30)),
    ]);
    expect(payloads(told)).toEqual([
      expect.objectContaining({
        ...{ Path: '/', Change: 'Several', ProcessId: 11, Executable: '/usr/bin/dpkg' },
        ExtraDetails: {
          Folded: '2',
          FoldedPaths: '/etc/cron.d/a, /usr/lib/systemd/system/a.service',
          LoginUserId: '1000',
        },
      }),
      expect.objectContaining({ Path: '/etc/cron.d/mine', Change: 'Created', ProcessId: 30 }),
    ]);
  });

  it('are told one by one up to ten, and as one beyond', () => {
    const some = (count: number) =>
      Array.from({ length: count }, (_, index) => created(`/etc/cron.d/${index}`, by(30)));
    expect(fold(some(10))).toHaveLength(10);
    const [burst, ...others] = payloads(fold(some(11)));
    expect(others).toEqual([]);
    expect(burst).toMatchObject({ Path: '/etc/cron.d', ExtraDetails: { Folded: '11' } });
  });

  it('are a rename when what went at one path is at another', () => {
    const gone: FoundChange = {
      ...{ path: '/etc/cron.d/a', change: 'Deleted', before: state('1:1:5'), after: undefined },
      ...{ timeMs: 1000, doer: undefined },
    };
    const come: FoundChange = { ...created('/etc/cron.d/b'), after: state('1:1:5') };
    const [renamed, ...others] = payloads(fold([gone, come]));
    expect(others).toEqual([]);
    expect(renamed).toMatchObject({
      ...{ Path: '/etc/cron.d/b', Change: 'Renamed' },
      ExtraDetails: { RenamedFrom: '/etc/cron.d/a', WhoKnown: 'false', ModeBefore: '0644' },
    });
  });

  it('are each told or counted once, in bounded memory and time', () => {
    const any = fc.array(
      fc.tuple(fc.nat(200), fc.boolean()).map(([pid, isPackage]) => ({
        doer: isPackage ? ofPackage(pid + 100, '/bin/x') : by(pid + 100),
      })),
      { maxLength: 400 },
    );
    fc.assert(
      fc.property(any, (doers) => {
        const told = fold(doers.map(({ doer }, index) => created(`/etc/cron.d/${index}`, doer)));
        const count = told.reduce((sum, one) => sum + ('path' in one ? 1 : one.count), 0);
        expect(count).toBe(doers.length);
      }),
      { numRuns: 50 },
    );
  });
});

describe('ten thousand changes in ten seconds', () => {
  it('wait in a bounded queue, are looked at with pauses, and are all counted', async () => {
    const clock = new FakeClock();
    let [looks, overflowed, most, busiest] = [0, 0, 0, 0];
    let thisTurn = 0;
    const pending: Pending = new Pending({
      clock,
      look: () => {
        looks++;
        thisTurn++;
        return Promise.resolve();
      },
      onOverflow: () => {
        overflowed++;
      },
    });
    for (let index = 0; index < 10_000; index++) {
      pending.mark(`/etc/cron.d/${index}`, { timeMs: 0, doer: undefined });
      most = Math.max(most, pending.size);
      if (index % 50 !== 49) continue;
      thisTurn = 0;
      await clock.advance(50);
      busiest = Math.max(busiest, thisTurn);
    }
    for (let turn = 0; turn < 200 && pending.size > 0; turn++) await clock.advance(100);
    expect(looks + overflowed).toBe(10_000);
    expect(most).toBeLessThanOrEqual(2048);
    expect(busiest).toBeLessThanOrEqual(32);
    expect(overflowed).toBeGreaterThan(0);
    pending.stop();
  });
});
