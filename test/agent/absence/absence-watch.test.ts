import { beforeEach, describe, expect, it } from 'vitest';
import type { Absence, ServiceEnd } from '../../../agent/absence/absence.js';
import { AbsenceWatch } from '../../../agent/absence/absence-watch.js';
import type { Beat } from '../../../agent/absence/moment.js';
import type { AuditSubscriber } from '../../../collectors/kernel/audit/source.js';
import { FakeClock, settle } from '../../support/fake-clock.js';

const ownPid = 60;
const bootMs = 100_000;

let clock: FakeClock;
let told: Absence[];
let left: Beat[];
let traces: { beat: Beat | undefined; systemd: ServiceEnd | undefined };
let busy: number;
let sleptMs: number;
let subscriber: AuditSubscriber | undefined;
let watch: AbsenceWatch;

const sinceBootMs = (): number => bootMs + clock.monotonicMs() + sleptMs;
const beatAt = (agoMs: number): Beat => ({
  bootId: 'boot',
  wallMs: clock.wallMs() - agoMs,
  sinceBootMs: sinceBootMs() - agoMs,
  awakeMs: bootMs + clock.monotonicMs() - agoMs,
  pid: 50,
});

beforeEach(() => {
  clock = new FakeClock();
  told = [];
  left = [];
  traces = { beat: undefined, systemd: undefined };
  busy = sleptMs = 0;
  subscriber = undefined;
  watch = new AbsenceWatch({
    clock,
    moment: () => ({ ...beatAt(0), bootId: 'boot' }),
    ownPid,
    traces: {
      take: () => Promise.resolve(traces),
      leave: (beat) => Promise.resolve(void left.push(beat)),
    },
    busyMs: () => busy,
    audit: {
      subscribe: (asked) => {
        subscriber = asked;
        asked.onState({ source: 'audit-owner' });
        return Promise.resolve({ end: () => Promise.resolve(void (subscriber = undefined)) });
      },
    },
    tell: (absence) => void told.push(absence),
  });
});

async function start(): Promise<void> {
  await watch.restore(undefined);
  await watch.start();
}

/** As audit tells it; `agoMs` before now. */
function signalled(signal: number, target: number, agoMs: number): void {
  const common = { id: '1.000:7', serial: 7, timeMs: clock.wallMs() - agoMs };
  const args = `a0=${target.toString(16)} a1=${signal.toString(16)}`;
  const body = `arch=c000003e syscall=62 success=yes exit=0 ${args} items=0 pid=77 uid=0 exe="/usr/bin/kill"`;
  subscriber?.onEvent({ ...common, complete: true, records: [{ ...common, type: 1300, body }] });
}

const causes = (): readonly string[] =>
  told.map(
    ({ cause, durationMs = NaN, signal }) =>
      `${cause} ${Math.round(durationMs / 1000)} s by ${signal?.by.executable ?? 'nobody known'}`,
  );

describe('the watch over its own absences', () => {
  it('tells on its return for how long nobody watched, and who ended it, once', async () => {
    traces = { beat: beatAt(30_000), systemd: undefined };
    await start();
    signalled(9, 50, 12_000);
    expect(told).toEqual([]);
    await clock.advance(3_000);
    await clock.advance(600_000);
    expect(causes()).toEqual(['killed 12 s by /usr/bin/kill']);
  });

  it('says nothing on the first start of all', async () => {
    await start();
    await clock.advance(60_000);
    expect(told).toEqual([]);
  });

  it('leaves a sign of life every 20 s, and with it that and by whom it was asked to end', async () => {
    await start();
    await clock.advance(41_000);
    expect(left.map(({ ended, pid }) => [ended, pid])).toEqual(Array(4).fill([undefined, ownPid]));
    watch.ends('asked');
    const stopped = watch.stop();
    await settle();
    signalled(15, ownPid, 0);
    await stopped;
    const last = left.at(-1);
    expect(last).toMatchObject({ ended: 'asked', signal: { signal: 15, by: { pid: 77 } } });
    expect(watch.memory()).toEqual(last);
  });

  it('is there for the next run from its first moment on', async () => {
    await start();
    expect(left).toEqual([expect.objectContaining({ pid: ownPid })]);
  });

  it('leaves an absence that it had no time to tell to the next run', async () => {
    traces = { beat: beatAt(30_000), systemd: undefined };
    await start();
    await clock.advance(2_000);
    expect(left).toEqual([traces.beat]);
    expect(watch.memory()).toEqual(traces.beat);
  });

  it('tells an absence at the latest when it stops', async () => {
    traces = { beat: beatAt(30_000), systemd: undefined };
    await start();
    watch.ends('asked');
    const stopped = watch.stop();
    await clock.advance(300);
    await stopped;
    expect(causes()).toEqual(['ended 30 s by nobody known']);
    expect(left.at(-1)).toMatchObject({ ended: 'asked', pid: ownPid });
  });

  it('tells a stop from its signals, however short, and not once more because it came late', async () => {
    await start();
    await clock.advance(5_000);
    watch.look(5_000);
    await clock.advance(12_000);
    signalled(19, ownPid, 11_000);
    signalled(18, ownPid, 1_000);
    watch.look(5_000);
    await settle();
    await clock.advance(10_000);
    expect(causes()).toEqual(['frozen 10 s by /usr/bin/kill']);
  });

  it('tells a standstill of which nobody knows the end, and one of which nobody knows anything', async () => {
    await start();
    watch.look(5_000);
    await clock.advance(25_000);
    watch.look(5_000);
    await settle();
    signalled(19, ownPid, 19_000);
    await clock.advance(3_000);
    expect(causes()).toEqual(['frozen 19 s by /usr/bin/kill']);
    watch.look(5_000);
    await clock.advance(65_000);
    watch.look(5_000);
    await settle();
    await clock.advance(3_000);
    expect(causes().slice(1)).toEqual(['frozen 60 s by nobody known']);
  });

  it('takes a busy device for nothing else', async () => {
    await start();
    await clock.advance(3_000);
    watch.look(5_000);
    busy = 24_000;
    await clock.advance(30_000);
    busy = 50_000;
    watch.look(5_000);
    await settle();
    await clock.advance(5_000);
    expect(told).toEqual([]);
  });

  it('folds what comes fast: stops of a minute, sleep of an hour', async () => {
    await start();
    for (let stops = 0; stops < 10; stops++) {
      await clock.advance(5_000);
      signalled(19, ownPid, 3_000);
      signalled(18, ownPid, 1_000);
    }
    await clock.advance(60_000);
    watch.look(60_000);
    expect(causes()).toEqual(['frozen 2 s by /usr/bin/kill', 'frozen 18 s by /usr/bin/kill']);
    for (let naps = 0; naps < 5; naps++) {
      sleptMs += 600_000;
      watch.look(1_000);
      await settle();
    }
    expect(causes().slice(2)).toEqual(['slept 600 s by nobody known']);
    await watch.stop();
    expect(causes().slice(3)).toEqual(['slept 2400 s by nobody known']);
  });

  it('asks audit only beside others that do, and again when that ended', async () => {
    await start();
    expect(subscriber).toMatchObject({
      accompanies: true,
      rules: Array(3).fill(expect.anything()),
    });
    subscriber?.onFailed(new Error('The stream broke.'));
    subscriber = undefined;
    await clock.advance(60_000);
    watch.look(60_000);
    await settle();
    expect(subscriber).toMatchObject({ accompanies: true });
  });
});
