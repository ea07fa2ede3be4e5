import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { isUnavailable } from '../../../../base/unavailable.js';
import { pollEvents } from '../../../../collectors/kernel/libc.js';
import { parseRuleChanges } from '../../../../collectors/kernel/packet-filter/rule-change-messages.js';
import { RuleChangeReader } from '../../../../collectors/kernel/packet-filter/rule-changes.js';
import { KernelReader } from '../../../../collectors/kernel/reader.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { FakeLibc } from '../../../support/fake-libc.js';

/** As kernel 6.18 ended the transactions of `nft add table inet cdemo` and of `iptables-nft -A INPUT …`. */
const byNft = Buffer.from(
  '2c0000000f0a000001000000901f00000000002e080001000000002e0800020000001f90080003006e667400',
  'hex',
);
const byIptables = Buffer.from(
  '380000000f0a0000020000009c1f00000000003408000100000000340800020000001f9c1100030069707461626c65732d6e667400000000',
  'hex',
);
/** What comes before it: a table is made (NFT_MSG_NEWTABLE); its attributes are of no interest. */
const newTable = Buffer.from('14000000000a000001000000901f000001000000', 'hex');

describe('the messages of a changed packet filter', () => {
  it('tell each transaction once, with the thread that made it', () => {
    expect(parseRuleChanges(Buffer.concat([newTable, newTable, byNft, byIptables]))).toEqual({
      changes: [
        { threadId: 8080, comm: 'nft' },
        { threadId: 8092, comm: 'iptables-nft' },
      ],
      malformed: 0,
    });
    expect(parseRuleChanges(newTable)).toEqual({ changes: [], malformed: 0 });
  });

  it('of another subsystem, and torn ones, count as unparsed', () => {
    const ofConntrack = Buffer.from(newTable);
    ofConntrack[5] = 1;
    expect(parseRuleChanges(ofConntrack)).toEqual({ changes: [], malformed: 1 });
    expect(parseRuleChanges(byNft.subarray(0, 40)).malformed).toBe(1);
    const attributeTooLong = Buffer.from(byNft);
    attributeTooLong.writeUInt16LE(200, 20);
    expect(parseRuleChanges(attributeTooLong)).toEqual({ changes: [], malformed: 1 });
  });

  it('never make it throw, or believe in a long name', () => {
    const mutated = fc.tuple(fc.nat(byIptables.length - 1), fc.nat(255)).map(([place, byte]) => {
      const copy = Buffer.from(byIptables);
      copy[place] = byte;
      return copy;
    });
    const any = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(any, mutated), (bytes) => {
        for (const { comm = '' } of parseRuleChanges(bytes).changes)
          expect(comm.length).toBeLessThanOrEqual(15);
      }),
    );
  });
});

async function open() {
  const libc = new FakeLibc();
  const clock = new FakeClock();
  const reader = new KernelReader(libc, clock);
  reader.start();
  const told = { onChange: vi.fn(), onMissed: vi.fn(), lose: vi.fn(), onFailed: vi.fn() };
  const before = new Set(libc.sockets.keys());
  const subscription = await new RuleChangeReader({ libc, reader }).subscribe(told);
  if (isUnavailable(subscription)) throw new Error(subscription.unavailable);
  const fd = [...libc.sockets.keys()].find((socket) => !before.has(socket)) ?? -1;
  // The reader rests on the clock between two looks.
  const read = (check: () => void = () => undefined) =>
    vi.waitFor(async () => {
      await clock.advance(100);
      check();
    });
  return { libc, reader, read, told, subscription, fd };
}

describe('the news of the packet filter', () => {
  it('are the kernel’s alone, and what was lost is counted and told as missed', async () => {
    const { libc, reader, read, told, subscription, fd } = await open();
    libc.deliver(fd, byNft);
    libc.deliver(fd, byNft, 4711);
    libc.overflow(fd);
    await read(() => expect(told.onMissed).toHaveBeenCalledTimes(1));
    expect(told.onChange.mock.calls).toEqual([[{ threadId: 8080, comm: 'nft' }]]);
    expect(told.lose.mock.calls).toEqual([
      ['unparsed', 1],
      ['socketOverflow', 1],
    ]);
    subscription.end();
    expect(libc.sockets.has(fd)).toBe(false);
    await reader.stop();
  });

  it('that cannot be read tell that something may have changed', async () => {
    const { libc, reader, read, told, fd } = await open();
    libc.deliver(fd, Buffer.from([1, 2, 3]));
    await read(() => expect(told.onMissed).toHaveBeenCalledTimes(1));
    expect(told.lose.mock.calls).toEqual([['unparsed', 1]]);
    await reader.stop();
  });

  it('end with a reason when the socket breaks', async () => {
    const { libc, reader, read, told, fd } = await open();
    libc.setState(fd, pollEvents.invalid);
    await read(() => expect(told.onFailed).toHaveBeenCalledTimes(1));
    expect(String(told.onFailed.mock.calls[0]?.[0])).toContain('packet filter ended');
    expect(libc.sockets.has(fd)).toBe(false);
    await reader.stop();
  });

  it('cannot be had without the capability, which is named', async () => {
    const libc = new FakeLibc();
    vi.spyOn(libc, 'bind').mockReturnValue(-1);
    const reader = new KernelReader(libc, new FakeClock());
    const told = { onChange: vi.fn(), onMissed: vi.fn(), lose: vi.fn(), onFailed: vi.fn() };
    const answer = await new RuleChangeReader({ libc, reader }).subscribe(told);
    expect(answer).toHaveProperty('unavailable', expect.stringContaining('CAP_NET_ADMIN'));
    expect(libc.sockets.size).toBe(0);
  });
});
