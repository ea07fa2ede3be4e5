import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { isUnavailable } from '../../../base/unavailable.js';
import type { Host } from '../../../collectors/interface/host.js';
import type { AuditSubscriber } from '../../../collectors/kernel/audit/source.js';
import { readFilterChange } from '../../../collectors/kernel/audit/filter-change.js';
import type { RuleChangeSubscriber } from '../../../collectors/kernel/packet-filter/rule-changes.js';
import { deviceItems } from '../../../collectors/state-change/subjects/device.js';
import { Doers } from '../../../collectors/state-change/subjects/doers.js';
import { firewallItems } from '../../../collectors/state-change/subjects/firewall-items.js';
import { firewallRule } from '../../../collectors/state-change/subjects/firewall-rule.js';
import { LookPace } from '../../../collectors/state-change/subjects/look-pace.js';
import type { Payload } from '../../../contract/events.js';
import { fakeHost } from '../../support/case-host.js';
import { FakeClock } from '../../support/fake-clock.js';

type Rule = Payload<'FirewallConfiguration'>;

const rule = (port: string, verdict: Partial<Rule> = { Action: 'Allow' }): Rule => ({
  ChainName: 'input',
  Enabled: true,
  Action: 'Other',
  Protocol: 'tcp',
  DestinationPort: port,
  ...verdict,
  ExtraDetails: { Table: 'inet filter', ...verdict.ExtraDetails },
});
const policy: Rule = {
  ChainName: 'input',
  Enabled: true,
  Action: 'Deny',
  ExtraDetails: { Table: 'inet filter', Policy: 'drop', Hook: 'input', HookPriority: 'filter' },
};
const chain = 'inet filter input';

describe('the items of the packet filter', () => {
  it('are chains, and rules whose names do not depend on their places', () => {
    const jump = rule('23', { ExtraDetails: { Verdict: 'jump web', Sets: '@a { 1 }' } });
    expect([...firewallItems([rule('22'), jump, rule('22'), policy], undefined)]).toEqual([
      [chain, 'policy drop, asked at input, priority filter'],
      [`${chain}: tcp to :22`, 'accept'],
      [`${chain}: tcp to :23`, 'jump web; @a { 1 }'],
      [`${chain}: tcp to :22 (2)`, 'accept'],
    ]);
    const other = rule('22', {
      Enabled: false,
      SourceAddress: '10.0.0.1',
      ExtraDetails: { Table: 'ip filter', Backend: 'legacy', InInterface: 'eth0', Comment: 'x' },
    });
    expect([...firewallItems([other], undefined)]).toEqual([
      ['ip filter input (legacy)', 'asked by other chains, not in force'],
      ['ip filter input (legacy): tcp from 10.0.0.1 to :22 by eth0 "x"', 'nothing'],
    ]);
    const unfiltered: Rule = {
      ...policy,
      ChainName: 'INPUT',
      ExtraDetails: { Table: 'ip', Hook: 'input', Unfiltered: 'true' },
    };
    expect([...firewallItems([unfiltered], undefined)]).toEqual([
      ['ip INPUT', 'everything passes: no chain filters'],
    ]);
  });

  it('of one verdict read the same whether the chain is reached or not', () => {
    const text = (changes: Partial<Rule>) =>
      [...firewallItems([rule('22', changes)], undefined).values()].at(-1);
    const asked = { Action: 'Allow' as const };
    const unreached = { Action: 'Other' as const, ExtraDetails: { Verdict: 'accept' } };
    expect(text(asked)).toBe(text(unreached));
  });

  it('make the chain different when rules change places, once, and not when one comes or goes', () => {
    const ports = fc.uniqueArray(fc.constantFrom('1', '2', '3', '4', '5'), { minLength: 1 });
    fc.assert(
      fc.property(ports, ports, (before, after) => {
        const known = firewallItems(
          before.map((port) => rule(port)),
          undefined,
        );
        const items = firewallItems(
          after.map((port) => rule(port)),
          known,
        );
        const common = (list: readonly string[], other: readonly string[]) =>
          list.filter((port) => other.includes(port)).join();
        const isMoved = common(before, after) !== common(after, before);
        expect(items.get(chain) !== known.get(chain)).toBe(isMoved);
        // A look that finds the same again finds the same text.
        const again = firewallItems(
          after.map((port) => rule(port)),
          items,
        );
        expect([...again]).toEqual([...items]);
        for (const [item, text] of items)
          if (item !== chain && known.has(item)) expect(text).toBe(known.get(item));
      }),
    );
  });
});

describe('who changed the packet filter', () => {
  const at = { id: '1.000:7', serial: 7, timeMs: 1000, complete: true };
  /** As kernel 6.18 wrote them for `iptables-legacy -A INPUT …`. */
  const change = {
    ...at,
    type: 1325,
    body: 'table=filter family=2 entries=5 op=xt_replace pid=2234 subj=kernel comm="iptables-legacy"',
  };
  const call = {
    ...at,
    type: 1300,
    body: 'arch=c000003e syscall=54 success=yes exit=0 a0=4 a1=0 a2=40 a3=5 items=0 ppid=1 pid=2234 auid=4294967295 uid=0 gid=0 tty=(none) ses=4294967295 comm="iptables-legacy" exe="/usr/sbin/xtables-legacy-multi" key=(null)',
  };

  it('is read of the records of audit, and of no other event', () => {
    expect(readFilterChange({ ...at, records: [change, call] })).toEqual({
      pid: 2234,
      executable: '/usr/sbin/xtables-legacy-multi',
      userId: 0,
    });
    expect(readFilterChange({ ...at, records: [change] })).toEqual({ pid: 2234 });
    expect(readFilterChange({ ...at, records: [call] })).toBeUndefined();
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        readFilterChange({
          ...at,
          records: [
            { ...change, body: one },
            { ...call, body: other },
          ],
        });
      }),
    );
  });

  it('is one of whom two sources tell, or what several have in common, and nobody of very many', () => {
    const doers = new Doers();
    const look = () => {
      doers.lookBegins();
      doers.lookEnds();
      return doers.told;
    };
    const nft = { executable: '/usr/sbin/nft', userId: '0' };
    doers.add({ pid: 7 });
    doers.add({ pid: 7, ...nft });
    expect(look()).toEqual({ pid: 7, ...nft });
    doers.add({ pid: 8, ...nft });
    doers.add({ pid: 9, ...nft });
    expect(look()).toEqual(nft);
    doers.add({ pid: 8, ...nft });
    doers.lookBegins();
    doers.add({ pid: 9, ...nft, executable: '/usr/sbin/iptables' });
    doers.lookEnds();
    expect(doers.told).toEqual({ userId: '0' });
    expect(look()).toMatchObject({ pid: 9 });
    expect(look()).toBeUndefined();
    for (let pid = 1; pid < 40; pid++) doers.add({ pid, ...nft });
    expect(look()).toBeUndefined();
  });
});

async function watch(parts: Partial<Host>) {
  const clock = new FakeClock();
  const [changed, lose, fail] = [vi.fn(), vi.fn(), vi.fn()];
  const limits: (string | undefined)[] = [];
  const watching = await firewallRule().watch?.({
    host: fakeHost({ clock, ...parts }),
    ...{ lose, changed, fail },
    limit: (sentence) => limits.push(sentence),
  });
  if (watching === undefined || isUnavailable(watching)) throw new Error('It cannot be watched.');
  return { clock, changed, fail, limits, watching };
}

describe('FirewallRule', () => {
  it('is looked at soon after a change, and after many at a pace that a device can bear', async () => {
    let news: RuleChangeSubscriber | undefined;
    let audit: AuditSubscriber | undefined;
    const end = vi.fn();
    const { clock, changed, limits, watching } = await watch({
      ruleChanges: {
        subscribe: (subscriber) => {
          news = subscriber;
          return Promise.resolve({ end });
        },
      },
      audit: {
        subscribe: (subscriber) => {
          audit = subscriber;
          return Promise.resolve({
            end: () => {
              end();
              return Promise.resolve();
            },
          });
        },
      },
    });
    expect(limits).toEqual([undefined]);
    expect(audit?.rules).toEqual([]);
    for (let second = 0; second < 3_600; second += 10) {
      news?.onChange({ threadId: second + 2 });
      await clock.advance(10_000);
      if (second === 0) expect(changed).toHaveBeenCalledTimes(1);
    }
    expect(changed.mock.calls.length).toBeGreaterThan(12);
    expect(changed.mock.calls.length).toBeLessThanOrEqual(12 + 12 + 1);
    await watching.stop();
    expect(end).toHaveBeenCalledTimes(2);
    expect(clock.timers).toBe(0);
  });

  it('says what is noticed within an hour only, and looks then', async () => {
    const { clock, changed, limits, watching } = await watch({});
    expect(limits[0]).toMatch(/^Changes of nftables are noticed within an hour: Not in this test/);
    await clock.advance(3_600_000);
    expect(changed).toHaveBeenCalledTimes(1);
    await watching.stop();
    expect(clock.timers).toBe(0);
  });

  it('has a pace that recovers', async () => {
    const clock = new FakeClock();
    const pace = new LookPace(clock, 1_000, 2, 60_000);
    expect(pace.waitMs()).toBe(0);
    pace.took();
    expect(pace.waitMs()).toBe(1_000);
    await clock.advance(1_000);
    pace.took();
    expect(pace.waitMs()).toBeGreaterThan(50_000);
    await clock.advance(120_000);
    expect(pace.waitMs()).toBe(0);
  });
});

describe('the items of the hardware', () => {
  it('are named by their kind and place, with what is known of them', () => {
    const card = {
      HardwareCategory: 'Network',
      HardwareSubCategory: 'Ethernet',
      HardwareName: 'eth0',
      ExtraDetails: { Address: '02:00:00:00:00:01', Driver: 'virtio_net', Path: '/sys/devices/a' },
    };
    const bridge = {
      ...card,
      HardwareName: 'br0',
      ExtraDetails: { Address: '02:00:00:00:00:02', Path: '/sys/devices/b', Virtual: 'true' },
    };
    expect([...deviceItems([card, bridge])]).toEqual([
      ['Network /sys/devices/a', 'Ethernet eth0, address 02:00:00:00:00:01, driver virtio_net'],
      ['Network /sys/devices/b', 'Ethernet br0, virtual'],
    ]);
  });
});
