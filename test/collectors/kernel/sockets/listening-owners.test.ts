import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connectionKey, type Endpoint } from '../../../../collectors/kernel/sockets/endpoint.js';
import { ListeningOwners } from '../../../../collectors/kernel/sockets/listening-owners.js';
import { findSocketOwners } from '../../../../collectors/kernel/sockets/socket-owners.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { at, endText, procOf, socketLine } from '../../../support/socket-proc.js';

vi.mock('../../../../collectors/kernel/sockets/socket-owners.js', { spy: true });
const search = vi.mocked(findSocketOwners);
beforeEach(() => void search.mockClear());

const remote = at('192.0.2.1', 50000);
const anywhere = at('0.0.0.0', 0);
const listener = (port: number, inode: number) =>
  socketLine(endText(at('0.0.0.0', port)), endText(anywhere), '0A', inode);
const taken = (port: number) => ({ local: at('10.0.0.1', port), remote });
const row = (ends: { local: Endpoint; remote: Endpoint }, state = '01') =>
  socketLine(endText(ends.local), endText(ends.remote), state, 5);
/** Listeners on ports from 8000 on with inodes from 100 on, and one connection to each. */
const many = (count: number) =>
  [...Array(count).keys()].flatMap((n) => [listener(8000 + n, 100 + n), row(taken(8000 + n))]);

const running: ListeningOwners[] = [];
afterEach(() => {
  for (const owners of running.splice(0)) owners.stop();
});

function ownersOn(...proc: Parameters<typeof procOf>) {
  const host = procOf(...proc);
  const clock = new FakeClock();
  const onGivenUp = vi.fn();
  const owners = new ListeningOwners({ paths: host.paths, clock, byteOrder: 'LE', onGivenUp });
  running.push(owners);
  /** The pids of those that listen on the ports; what is not answered yet is missing. */
  const told: (number | undefined)[] = [];
  const ask = (...ports: number[]) => {
    const connections = ports.map(taken);
    void owners.of(connections).then((found) => {
      told.push(...connections.map((each) => found.get(connectionKey(each))?.pid));
    });
  };
  return { ...host, clock, onGivenUp, owners, told, ask };
}

/** The next search lasts until it is let go on, and finds nothing; told is how long it held the event loop. */
function holdSearch(): (heldMs?: number) => void {
  const nothing = { pidByInode: new Map(), descriptorByInode: new Map() };
  let end: (heldMs: number) => void = () => undefined;
  search.mockReturnValueOnce(
    new Promise((resolve) => {
      end = (heldMs) => resolve({ ...nothing, forbiddenProcesses: 0, cut: false, heldMs });
    }),
  );
  return (heldMs = 0) => end(heldMs);
}
const searchedFor = () => search.mock.calls.map(([, , inodes]) => [...inodes]);

describe('a call of listen', () => {
  it('leads to one look at the descriptors of its process only, however many there are', async () => {
    const { owners, clock } = ownersOn(many(500), { 60: { 3: 1 }, 70: { 3: 100, 4: 101 } });
    for (let n = 0; n < 500; n++) owners.opened(at('0.0.0.0', 8000 + n), 70);
    await clock.advance(5000);
    expect(search).toHaveBeenCalledTimes(1);
    expect(search.mock.calls[0]?.[4]).toEqual({ pids: [70] });
  });

  it('makes the owner known before the first connection', async () => {
    const { owners, clock, ask, told } = ownersOn(many(1), { 70: { 3: 100 } });
    owners.opened(at('0.0.0.0', 8000), 70);
    await clock.advance(10);
    ask(8000);
    await clock.advance(10);
    expect(told).toEqual([70]);
    expect(search).toHaveBeenCalledTimes(1);
  });

  it('is remembered for some seconds for a socket that is closed already', async () => {
    const { owners, clock, ask, told } = ownersOn([row(taken(8000))]);
    owners.opened(at('0.0.0.0', 8000), 70);
    ask(8000);
    await clock.advance(11_000);
    ask(8000);
    await clock.advance(10);
    expect(told).toEqual([70, undefined]);
  });

  it('in another network namespace says nothing of the host', async () => {
    const { owners, clock, ask, told, setNamespace } = ownersOn([row(taken(8000))]);
    setNamespace('self', 'net:[1]');
    setNamespace('70', 'net:[2]');
    owners.opened(at('0.0.0.0', 8000), 70);
    ask(8000);
    await clock.advance(10);
    expect(told).toEqual([undefined]);
  });
});

describe('a search for owners', () => {
  it('is one for all that is asked while another runs', async () => {
    const { clock, ask } = ownersOn(many(50), { 70: {} });
    const end = holdSearch();
    ask(8000);
    await clock.advance(0);
    for (let port = 8001; port < 8050; port++) {
      ask(port);
      await clock.advance(0);
    }
    expect(search).toHaveBeenCalledTimes(1);
    end();
    await clock.advance(0);
    expect(searchedFor().map(({ length }) => length)).toEqual([1, 49]);
  });

  it('keeps nobody waiting whose owner is known', async () => {
    const { clock, ask, told } = ownersOn(many(2), { 70: { 3: 100 } });
    ask(8000);
    await clock.advance(10);
    holdSearch();
    ask(8001);
    await clock.advance(10);
    ask(8000);
    await clock.advance(10);
    expect(told).toEqual([70, 70]);
  });

  it('without a result is not repeated for some seconds', async () => {
    const { clock, ask, told, hold } = ownersOn(many(1), { 70: {} });
    ask(8000);
    await clock.advance(10);
    hold(70, 3, 100);
    ask(8000);
    await clock.advance(10);
    expect(search).toHaveBeenCalledTimes(1);
    await clock.advance(10_000);
    ask(8000);
    await clock.advance(10);
    expect(told).toEqual([undefined, undefined, 70]);
  });

  it('that took longer than is done at once is followed by a pause', async () => {
    const { clock, ask } = ownersOn(many(2), { 70: {} });
    const end = holdSearch();
    ask(8000);
    await clock.advance(2000);
    end(3000);
    await clock.advance(9000);
    ask(8001);
    await clock.advance(900);
    expect(search).toHaveBeenCalledTimes(1);
    await clock.advance(200);
    expect(searchedFor()).toEqual([[100], [101]]);
  });

  it('keeps nobody waiting for more than ten seconds, and tells how many got no owner', async () => {
    const { clock, ask, told, onGivenUp } = ownersOn(many(3), { 70: { 3: 100 } });
    ask(8000);
    await clock.advance(10);
    holdSearch();
    ask(8000, 8001, 8002, 9000);
    await clock.advance(9990);
    expect(told).toEqual([70]);
    await clock.advance(20);
    expect(told).toEqual([70, 70, undefined, undefined, undefined]);
    expect(onGivenUp.mock.calls).toEqual([[2]]);
    expect(clock.timers).toBe(0);
  });

  it('is waited for by a bounded number: the oldest get no owner, and are counted', async () => {
    const { clock, ask, told, onGivenUp } = ownersOn(many(1), { 70: {} });
    const end = holdSearch();
    for (let n = 0; n < 4100; n++) ask(8000);
    await clock.advance(10);
    expect(told).toHaveLength(4);
    expect(onGivenUp.mock.calls).toEqual(Array(4).fill([1]));
    end();
    await clock.advance(10);
    expect(told).toHaveLength(4100);
  });

  it('ends at a stop: who waits is answered at once, and nothing is begun any more', async () => {
    const { clock, ask, told, owners } = ownersOn(many(3), { 70: { 3: 100 } });
    ask(8000);
    await clock.advance(10);
    const end = holdSearch();
    ask(8000, 8001);
    await clock.advance(10);
    ask(8000, 8002);
    owners.stop();
    await Promise.resolve();
    expect(told).toEqual([70, 70, undefined, 70, undefined]);
    expect(search.mock.calls[1]?.[3].aborted).toBe(true);
    ask(8002);
    owners.opened(at('0.0.0.0', 8002), 70);
    end();
    await clock.advance(100_000);
    expect(told).toHaveLength(6);
    expect(search).toHaveBeenCalledTimes(2);
    expect(clock.timers).toBe(0);
  });
});

describe('an owner', () => {
  it('is believed only as long as its descriptor is the socket', async () => {
    const { clock, ask, told, hold, drop } = ownersOn(many(1), { 60: {}, 70: { 3: 100 } });
    ask(8000);
    await clock.advance(10);
    drop(70, 3);
    hold(70, 3, 999);
    hold(60, 3, 100);
    ask(8000);
    await clock.advance(10);
    expect(told).toEqual([70, 60]);
  });

  it('is told only for connections of the host, of which the other end may be what is left', async () => {
    const connection = taken(8000);
    const { clock, ask, told, tell } = ownersOn([listener(8000, 100)], { 70: { 3: 100 } });
    ask(8000);
    await clock.advance(10);
    tell([listener(8000, 100), row({ local: remote, remote: connection.local }, '06')]);
    ask(8000);
    await clock.advance(10);
    expect(told).toEqual([undefined, 70]);
  });

  it('is that of the closest socket: of the address, of any of its family, of any of IPv6', async () => {
    const exact = socketLine(endText(at('10.0.0.1', 8000)), endText(anywhere), '0A', 200);
    const { clock, ask, told } = ownersOn([...many(2), exact], { 70: { 3: 100, 4: 101, 5: 200 } });
    ask(8000, 8001);
    await clock.advance(10);
    expect(told).toEqual([70, 70]);
    expect(searchedFor()).toEqual([[200, 101]]);
  });
});
