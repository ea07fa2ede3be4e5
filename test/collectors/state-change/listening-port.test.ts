import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { isUnavailable } from '../../../base/unavailable.js';
import { pathsUnder } from '../../../collectors/kernel/paths.js';
import type { ListeningSocket } from '../../../collectors/kernel/sockets/proc-net.js';
import { tcpStates } from '../../../collectors/kernel/sockets/sock-state.js';
import type { ObservedTransition } from '../../../collectors/kernel/sockets/sock-state-trace.js';
import {
  itemOf,
  listeningItems,
} from '../../../collectors/state-change/subjects/listening-items.js';
import { listeningPort } from '../../../collectors/state-change/subjects/listening-port.js';
import { SettledSockets } from '../../../collectors/state-change/subjects/settled-sockets.js';
import { fakeHost } from '../../support/case-host.js';
import { FakeClock } from '../../support/fake-clock.js';

const tcp = { protocol: 'tcp', addressHex: '00000000', port: 22, uid: 0, inode: 1 } as const;
const udp = { protocol: 'udp', addressHex: '00000000', port: 5353, uid: 0, inode: 2 } as const;
const given = { ...tcp, addressHex: '7f000001', port: 40_000, inode: 3 };
const nobody = (): boolean => false;

describe('a socket on which somebody listens', () => {
  it('is named by its end', () => {
    expect(itemOf(tcp)).toBe('tcp 0.0.0.0:22');
    expect(itemOf({ ...udp, protocol: 'udp6', addressHex: '0'.repeat(32) })).toBe('udp6 [::]:5353');
  });

  it('counts at once when it is one of TCP, and after a while when a program may only have asked', () => {
    const sockets = new SettledSockets();
    const all = [tcp, udp, given];
    expect(sockets.settled(all, 0, nobody)).toEqual([tcp]);
    expect(sockets.settled(all, 14_000, nobody)).toEqual([tcp]);
    expect(sockets.settled(all, 15_000, nobody)).toEqual(all);
    // Another socket on the same port begins anew, unless the end is known.
    const other = { ...udp, inode: 9 };
    expect(sockets.settled([other], 16_000, nobody)).toEqual([]);
    expect(sockets.settled([other], 16_000, () => true)).toEqual([other]);
  });

  it('may be gone for a moment, but not at the first look of a run', () => {
    const sockets = new SettledSockets();
    const known = ['tcp 0.0.0.0:22'];
    expect(sockets.mayReturn(new Set(), known, 0).size).toBe(0);
    expect([...sockets.mayReturn(new Set(), known, 1_000)]).toEqual(known);
    expect(sockets.nextMs(2_000)).toBe(9_000);
    expect(sockets.mayReturn(new Set(known), known, 3_000).size).toBe(0);
    expect(sockets.nextMs(3_000)).toBeUndefined();
    sockets.mayReturn(new Set(), known, 4_000);
    expect(sockets.mayReturn(new Set(), known, 14_000).size).toBe(0);
  });

  it('tells its programs and users, and what is not seen of them is what was known', () => {
    const userOf = (uid: number): string => (uid === 0 ? 'root' : String(uid));
    const holders = new Map([
      [1, { pid: 8, executable: '/usr/sbin/b' }],
      [4, { pid: 7, executable: '/usr/sbin/a' }],
    ]);
    const items = listeningItems([tcp, { ...tcp, inode: 4, uid: 5 }], holders, userOf, undefined);
    expect([...items]).toEqual([
      [
        'tcp 0.0.0.0:22',
        { text: '/usr/sbin/a, user 5; /usr/sbin/b, user root', holder: holders.get(4), uid: 5 },
      ],
    ]);
    const known = new Map([['tcp 0.0.0.0:22', '/usr/sbin/sshd, user root']]);
    const unseen = (uid: number) =>
      listeningItems([{ ...tcp, uid }], new Map(), userOf, known).get('tcp 0.0.0.0:22')?.text;
    expect(unseen(0)).toBe('/usr/sbin/sshd, user root');
    expect(unseen(1)).toBe('program not known, user 1');
  });
});

describe('ListeningPort', () => {
  let root = '';
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'listening-port-'));
    mkdirSync(join(root, 'proc'));
  });
  afterAll(() => rmSync(root, { recursive: true }));

  it('asks now and then, and soon after news of a listener, and looks when something is different', async () => {
    const clock = new FakeClock();
    let sockets: readonly ListeningSocket[] = [tcp];
    let news: (transitions: readonly ObservedTransition[]) => void = () => undefined;
    const asked = vi.fn(() => ({ sockets, malformed: 0 }));
    const host = fakeHost({
      clock,
      paths: pathsUnder(root),
      tcpListeners: { look: asked },
      socketStates: {
        ...fakeHost().socketStates,
        follow: (onTransitions) => {
          news = onTransitions;
          return () => (news = () => undefined);
        },
      },
    });
    const subject = listeningPort();
    const [changed, lose] = [vi.fn(), vi.fn()];
    const watching = await subject.watch?.({
      ...{ host, lose, changed, limit: lose, fail: lose },
    });
    if (watching === undefined || isUnavailable(watching)) throw new Error('It cannot be watched.');
    let known: ReadonlyMap<string, string> | undefined;
    const look = async () => {
      const signal = new AbortController().signal;
      const items = await subject.look({ host, lose, signal, known, mark: String });
      if (isUnavailable(items)) throw new Error(items.unavailable);
      return (known = items);
    };
    const isSeen = (): Promise<void> =>
      vi.waitFor(async () => {
        await clock.advance(0);
        expect(changed).toHaveBeenCalled();
      });
    await look();
    expect([...(known ?? []).keys()]).toEqual(['tcp 0.0.0.0:22']);
    await clock.advance(20_000);
    await clock.advance(0);
    expect(changed).not.toHaveBeenCalled();

    sockets = [tcp, { ...tcp, port: 23, inode: 5 }];
    news([{ newState: tcpStates.listen } as ObservedTransition]);
    await clock.advance(5_000);
    await isSeen();
    expect([...(await look()).keys()]).toEqual(['tcp 0.0.0.0:22', 'tcp 0.0.0.0:23']);

    // A service that starts again is there all the time, and one that does not return is gone 10 s later.
    changed.mockClear();
    sockets = [tcp];
    await clock.advance(20_000);
    await isSeen();
    expect((await look()).size).toBe(2);
    changed.mockClear();
    await clock.advance(10_000);
    await isSeen();
    expect((await look()).size).toBe(1);
    expect(lose).not.toHaveBeenCalled();

    const looks = asked.mock.calls.length;
    await watching.stop();
    news([{ newState: tcpStates.listen } as ObservedTransition]);
    await clock.advance(60_000);
    expect(asked.mock.calls.length).toBe(looks);
    expect(clock.timers).toBe(0);
  });
});
