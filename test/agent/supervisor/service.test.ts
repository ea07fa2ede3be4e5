import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { Service, type Watched } from '../../../agent/supervisor/service.js';
import { FakeClock } from '../../support/fake-clock.js';
import { FakeLibc } from '../../support/fake-libc.js';
import { recordingLog } from '../../support/recording-log.js';

const underSystemd = { NOTIFY_SOCKET: '/run/systemd/notify' };
const watchdog = { ...underSystemd, WATCHDOG_USEC: '180000000', WATCHDOG_PID: '7' };

class BusyLibc extends FakeLibc {
  full = false;
  override send(fd: number, datagram: Buffer): number {
    return this.full ? -constants.errno.EAGAIN : super.send(fd, datagram);
  }
}

function setUp(environment: NodeJS.ProcessEnv) {
  const clock = new FakeClock();
  const libc = new BusyLibc();
  const log = recordingLog();
  const service = new Service({ libc, clock, log, environment, ownPid: 7 });
  const take = (): string[] => libc.sent.splice(0).map(String);
  return { clock, libc, log, service, take };
}

const moving: Watched = {
  checks: [{ what: 'The journal', probe: () => Promise.resolve() }],
  status: () => 'Connected',
};

describe('the service', () => {
  it('says nothing where no service manager listens', async () => {
    const { clock, service, take } = setUp({});
    service.starting();
    service.ready(moving);
    await clock.advance(600_000);
    service.stopping();
    expect(take()).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  it('is ready once, then feeds the watchdog four times in its interval', async () => {
    const { clock, service, take } = setUp(watchdog);
    service.ready(moving);
    expect(take()).toEqual(['READY=1\nSTATUS=Connected', 'WATCHDOG=1']);
    await clock.advance(180_000);
    expect(take()).toEqual(Array(4).fill('WATCHDOG=1'));
  });

  it('asks for more time while the start takes long, but not for ever', async () => {
    const { clock, service, take } = setUp(watchdog);
    service.starting();
    await clock.advance(19_000);
    expect(take()).toEqual([]);
    await clock.advance(21_000);
    expect(take()).toEqual(Array(2).fill('STATUS=Starting\nEXTEND_TIMEOUT_USEC=60000000'));
    await clock.advance(3_600_000);
    expect(take().length).toBeLessThan(70);
    expect(clock.timers).toBe(0);
  });

  it('does not feed the watchdog of another process', async () => {
    const { clock, service, take } = setUp({ ...watchdog, WATCHDOG_PID: '8' });
    service.ready(moving);
    await clock.advance(600_000);
    expect(take()).toEqual(['READY=1\nSTATUS=Connected']);
  });

  it('lets the watchdog starve while something is stuck, says what, and feeds it when it moves again', async () => {
    const { clock, log, service, take } = setUp(watchdog);
    let answer = (): void => undefined;
    const stuck = {
      what: 'The journal',
      probe: () => new Promise<void>((done) => (answer = done)),
    };
    service.ready({ ...moving, checks: [stuck] });
    await clock.advance(90_000);
    take();
    await clock.advance(180_000);
    expect(take()).toEqual([]);
    expect(
      log.lines.filter(({ message }) => message.includes('The journal makes no')),
    ).toHaveLength(1);
    answer();
    await clock.advance(45_000);
    expect(take()).toContain('WATCHDOG=1');
  });

  it('counts a refusal as progress: a full disk is not cured by a restart', async () => {
    const { clock, service, take } = setUp(watchdog);
    const refusing = { what: 'The journal', probe: () => Promise.reject(new Error('ENOSPC')) };
    service.ready({ ...moving, checks: [refusing] });
    take();
    await clock.advance(900_000);
    expect(take()).toHaveLength(20);
  });

  it('tells a status only when it has changed', () => {
    const { service, take } = setUp(underSystemd);
    let status = 'Connecting';
    service.ready({ checks: [], status: () => status });
    take();
    service.statusChanged();
    status = 'Connected';
    service.statusChanged();
    expect(take()).toEqual(['STATUS=Connected']);
  });

  it('does not lose its readiness to a full queue of the service manager', async () => {
    const { clock, libc, service, take } = setUp(watchdog);
    libc.full = true;
    service.ready(moving);
    await clock.advance(1_000);
    expect(take()).toEqual([]);
    libc.full = false;
    await clock.advance(1_000);
    expect(take()).toEqual(['READY=1\nWATCHDOG=1\nSTATUS=Connected']);
  });

  it('is not ready any more when it was asked to stop during the start', async () => {
    const { clock, service, take } = setUp(watchdog);
    service.starting();
    service.stopping();
    service.ready(moving);
    await clock.advance(600_000);
    expect(take()).toEqual([expect.stringMatching(/^STOPPING=1\n/)]);
  });

  it('goes on, and says so once, when the service manager cannot be reached', () => {
    const { log, service } = setUp({ NOTIFY_SOCKET: 'vsock:2:1234' });
    service.ready(moving);
    service.stopping();
    expect(log.lines.filter(({ message }) => message.includes('cannot be told'))).toHaveLength(1);
  });
});
