import { describe, expect, test } from 'vitest';
import { parseSave } from '../../../collectors/firewall-configuration/iptables/save.js';
import { parseRuleset } from '../../../collectors/firewall-configuration/nftables/ruleset.js';
import type { Chain } from '../../../collectors/firewall-configuration/rules/chain.js';
import { toldOnce } from '../../../collectors/firewall-configuration/told-once.js';
import { unfilteredHooks } from '../../../collectors/firewall-configuration/unfiltered.js';
import { captured } from './told.js';

async function rulesetOf(name: string) {
  return (await parseRuleset(captured(name, 'nft.json') ?? '')).chains;
}

async function saveOf(name: string, file: string) {
  return parseSave(captured(name, file) ?? '', 'ip');
}

const count = (chains: readonly Chain[]) =>
  chains.reduce((sum, { rules }) => sum + rules.length, 0);

describe('a rule is told once', () => {
  test('where nft and the nftables back end of iptables both show it', async () => {
    const nft = await rulesetOf('iptables-nft');
    const saved = await saveOf('iptables-nft', 'iptables-save.txt');
    expect(count(toldOnce(nft, [saved]))).toBe(count(nft));
  });

  test('by iptables where nft does not say what its matches mean, by nft otherwise', async () => {
    const nft = await rulesetOf('docker');
    const saved = await saveOf('docker', 'iptables-save.txt');
    const told = toldOnce(nft, [saved]);
    expect(new Set(told.map(({ backend }) => backend))).toEqual(new Set(['nft']));
    const native = await rulesetOf('nft-1.0.6');
    const empty = await saveOf('nft-1.0.6', 'iptables-save.txt');
    expect(empty.chains.length).toBeGreaterThan(0);
    expect(toldOnce(native, [empty]).map(({ name }) => name)).toEqual(
      native.map(({ name }) => name),
    );
  });

  test('and by nft, as not understood, where the two tell of different rules', async () => {
    const nft = await rulesetOf('docker');
    const text = (captured('docker', 'iptables-save.txt') ?? '').replace(/-A FORWARD .*\n/, '');
    const told = toldOnce(nft, [await parseSave(text, 'ip')]);
    const forward = told.find(({ name }) => name === 'FORWARD');
    expect(forward?.backend).toBeUndefined();
    expect(
      forward?.rules.flat().some(({ details }) => details.Expression?.includes('conntrack')),
    ).toBe(true);
    expect(
      forward?.rules
        .flat()
        .filter(({ details }) => details.Expression)
        .map(({ verdict }) => verdict.kind),
    ).not.toContain('accept');
  });

  test('legacy tables are told beside whatever nft shows', async () => {
    const nft = await rulesetOf('ufw');
    const legacy = await saveOf('iptables-legacy', 'iptables-legacy-save.txt');
    const told = toldOnce(nft, [legacy]);
    expect(told.filter(({ backend }) => backend === 'legacy')).toHaveLength(legacy.chains.length);
    expect(told).toHaveLength(nft.length + legacy.chains.length);
  });

  test('by the back end alone where there is no nft', async () => {
    const saved = await saveOf('docker', 'iptables-save.txt');
    expect(toldOnce(undefined, [saved])).toEqual(saved.chains);
  });
});

describe('a hook at which nothing filters', () => {
  test('is told for each family, open and in force', () => {
    expect(unfilteredHooks([], ['ip', 'ip6'])).toHaveLength(6);
    expect(unfilteredHooks([], ['ip'])[0]).toEqual({
      Priority: 0,
      Direction: 'In',
      ChainName: 'INPUT',
      Enabled: true,
      Action: 'Allow',
      ExtraDetails: { Table: 'ip', Hook: 'input', Unfiltered: 'true' },
    });
  });

  test('is found where a firewall forgot a family', async () => {
    const legacy = await saveOf('iptables-legacy', 'iptables-legacy-save.txt');
    const open = unfilteredHooks(toldOnce([], [legacy]), ['ip', 'ip6']);
    expect(open.map(({ ExtraDetails }) => ExtraDetails?.['Table'])).toEqual(['ip6', 'ip6', 'ip6']);
  });

  test('is none where a table for both families filters, and is one where that table is switched off', async () => {
    expect(unfilteredHooks(await rulesetOf('openwrt-fw4'), ['ip', 'ip6'])).toEqual([]);
    const asleep = (await rulesetOf('openwrt-fw4')).map((chain) => ({ ...chain, enabled: false }));
    expect(unfilteredHooks(asleep, ['ip', 'ip6'])).toHaveLength(6);
  });

  test('is one where only addresses are translated there', async () => {
    const nft = (await rulesetOf('nft-1.0.6')).filter(({ table }) => table === 'ip nat');
    expect(unfilteredHooks(nft, ['ip'])).toHaveLength(3);
  });
});
