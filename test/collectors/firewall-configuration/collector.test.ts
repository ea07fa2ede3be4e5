import { describe, expect, test } from 'vitest';
import { isUnavailable } from '../../../base/unavailable.js';
import { firewallConfiguration } from '../../../collectors/firewall-configuration/index.js';
import type { ProgramAnswer } from '../../../collectors/inventory/answer.js';
import { rootOf } from '../../support/captured-roots.js';
import { fakeHost } from '../../support/case-host.js';
import { captured, lines } from './told.js';

const release = '6.1.0-25-arm64';
const builtIn = `usr/lib/modules/${release}/modules.builtin`;
/** A kernel with modules, none of which is a packet filter, and with IPv6. */
const bare = {
  'proc/modules': 'xt_mark 16384 0 - Live 0x0\n',
  'proc/sys/kernel/osrelease': `${release}\n`,
  [builtIn]: 'kernel/net/ipv6/ipv6.ko\n',
  'proc/net/if_inet6': '00000000000000000000000000000001 01 80 10 80 lo\n',
};
const withNft = { ...bare, 'proc/modules': 'nf_tables 300000 5 - Live 0x0\n' };

const ended = (program: string, stdout = '', path = `/usr/sbin/${program}`): ProgramAnswer => ({
  program,
  outcome: 'ended',
  exitStatus: 0,
  path,
  stdout,
  error: '',
});
const outcome = (
  program: string,
  how: Exclude<ProgramAnswer['outcome'], 'ended'>,
  error = '',
): ProgramAnswer => ({ program, outcome: how, stdout: '', error });
const emptyNft = '{"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}}]}';
/** The programs of a Debian on which nothing filters. */
const nothing = [
  ended('nft', emptyNft),
  ended('iptables-legacy-save'),
  ended('iptables-save', '', '/usr/sbin/xtables-nft-multi'),
  ended('ip6tables-legacy-save'),
  ended('ip6tables-save', '', '/usr/sbin/xtables-nft-multi'),
];
const absent = nothing.map(({ program }) => outcome(program, 'absent'));

interface Options {
  readonly files?: Readonly<Record<string, string>>;
  /** In the place of those of `nothing`; a string: why nobody can be asked. */
  readonly programs?: readonly ProgramAnswer[] | string;
}

async function collect({ files = withNft, programs = [] }: Options) {
  const losses: string[] = [];
  let source: { source?: string; limitation?: string } = {};
  let asked = 0;
  const answer = async () => {
    asked++;
    if (typeof programs === 'string') return Promise.resolve({ unavailable: programs });
    const given = new Map(programs.map((entry) => [entry.program, entry]));
    const all = nothing.map((entry) => given.get(entry.program) ?? entry);
    return Promise.resolve({ name: 'firewall' as const, programs: all, facts: {} });
  };
  const outcomeOf = await firewallConfiguration.collect({
    host: fakeHost({ paths: rootOf(files), inventory: { ask: answer } }),
    signal: new AbortController().signal,
    lose: (cause, count) => losses.push(`${cause} ${count}`),
    setSource: (state) => (source = state),
  });
  const unavailable = isUnavailable(outcomeOf) ? outcomeOf.unavailable : undefined;
  const payloads = isUnavailable(outcomeOf) ? [] : outcomeOf;
  return { asked, losses, payloads, source, unavailable };
}

describe('a device without any firewall', () => {
  test('says so for each hook of each family, as what is in force', async () => {
    const { payloads, source } = await collect({});
    expect(lines(payloads)).toBe(
      `ip INPUT 0 In Allow | Hook: input | Unfiltered: true
ip FORWARD 0 - Allow | Hook: forward | Unfiltered: true
ip OUTPUT 0 Out Allow | Hook: output | Unfiltered: true
ip6 INPUT 0 In Allow | Hook: input | Unfiltered: true
ip6 FORWARD 0 - Allow | Hook: forward | Unfiltered: true
ip6 OUTPUT 0 Out Allow | Hook: output | Unfiltered: true
`,
    );
    expect(source.limitation).toBeUndefined();
  });

  test('says nothing of IPv6 where that is off', async () => {
    const off = { ...withNft, 'proc/net/if_inet6': '' };
    expect((await collect({ files: off })).payloads).toHaveLength(3);
    const without = Object.entries(withNft).filter(([path]) => path !== 'proc/net/if_inet6');
    expect((await collect({ files: Object.fromEntries(without) })).payloads).toHaveLength(3);
  });

  test('is known by its files alone: then no program is asked', async () => {
    const { asked, payloads, source } = await collect({ files: bare, programs: 'no socket' });
    expect(asked).toBe(0);
    expect(payloads).toHaveLength(6);
    expect(source).toEqual({ source: 'proc' });
  });

  test('is known where the programs are absent and the kernel has nothing for them', async () => {
    const names = { ...bare, 'proc/net/ip_tables_names': '' };
    expect((await collect({ files: names, programs: absent })).payloads).toHaveLength(6);
  });

  test('is known where nothing was asked because the kernel has loaded nothing', async () => {
    const unknown = { 'proc/net/if_inet6': bare['proc/net/if_inet6'] };
    const programs = nothing.map(({ program }) => outcome(program, 'notLoaded'));
    expect((await collect({ files: unknown, programs })).payloads).toHaveLength(6);
  });
});

describe('"no firewall" is never guessed', () => {
  test('where nobody can be asked, the reason and what the files tell', async () => {
    const files = { ...withNft, 'proc/net/ip_tables_names': 'filter\nnat\n' };
    const { unavailable } = await collect({ files, programs: 'Nobody serves the socket.' });
    expect(unavailable).toBe(
      'Nobody serves the socket. By its files the kernel has nf_tables, the legacy tables filter, nat of iptables, and no legacy table of ip6tables.',
    );
  });

  test.each([
    [outcome('nft', 'absent'), 'Rules of nftables, which the kernel has: nft is not installed.'],
    [
      { ...ended('nft'), exitStatus: 1, error: 'Operation not permitted' },
      'Rules of nftables: nft ended with status 1 (Operation not permitted).',
    ],
    [outcome('nft', 'cut'), 'Rules of nftables: nft has more to say than is read.'],
    [outcome('nft', 'late'), 'Rules of nftables: nft took too long.'],
    [outcome('nft', 'failed', 'EACCES'), 'Rules of nftables: nft could not be run (EACCES).'],
    [ended('nft', '{'), 'Rules of nftables: The answer of nft is not JSON.'],
  ])('where nft gives no answer (%o)', async (answer, sentence) => {
    const { unavailable } = await collect({ programs: [answer] });
    expect(unavailable).toBe(`Not seen: ${sentence}`);
  });

  test('where legacy tables are there and no program that shows them', async () => {
    const files = { ...withNft, 'proc/net/ip6_tables_names': 'filter\n' };
    const programs = [outcome('ip6tables-legacy-save', 'absent')];
    const { unavailable } = await collect({ files, programs });
    expect(unavailable).toBe(
      'Not seen: Legacy rules of ip6tables, of the tables filter: ip6tables-legacy-save is not installed.',
    );
  });

  test('where rules were seen and others may be there, those that were seen are told, and what was not', async () => {
    const programs = [
      ended('iptables-legacy-save', captured('iptables-legacy', 'iptables-legacy-save.txt')),
      outcome('nft', 'absent'),
    ];
    const { payloads, source } = await collect({ programs });
    expect(payloads.length).toBeGreaterThan(40);
    expect(payloads.some(({ ExtraDetails }) => ExtraDetails?.['Unfiltered'])).toBe(false);
    expect(source).toEqual({
      source: 'iptables-save',
      limitation: 'Not seen: Rules of nftables, which the kernel has: nft is not installed.',
    });
  });
});

test('old systems, whose only iptables is the legacy one, are read', async () => {
  const text = captured('iptables-legacy', 'iptables-legacy-save.txt');
  const programs = [
    outcome('nft', 'absent'),
    outcome('iptables-legacy-save', 'absent'),
    outcome('ip6tables-legacy-save', 'absent'),
    ended('iptables-save', text, '/sbin/iptables-multi'),
    ended('ip6tables-save', '', '/sbin/ip6tables-multi'),
  ];
  const files = {
    ...bare,
    'proc/modules': 'iptable_filter 16384 1 - Live 0x0\n',
    'proc/net/ip_tables_names': 'filter\n',
  };
  const { payloads, source, unavailable } = await collect({ files, programs });
  expect(unavailable).toBeUndefined();
  expect(source).toEqual({ source: 'iptables-save' });
  const open = payloads.filter(({ ExtraDetails }) => ExtraDetails?.['Unfiltered']);
  expect(open.map(({ ExtraDetails }) => ExtraDetails?.['Table'])).toEqual(['ip6', 'ip6', 'ip6']);
});

test('more rules than are told are counted, and said', async () => {
  const rule = { rule: { family: 'inet', table: 'f', chain: 'input', expr: [{ accept: null }] } };
  const chain = { family: 'inet', table: 'f', name: 'input', type: 'filter', hook: 'input' };
  const objects = [{ metainfo: { json_schema_version: 1 } }, { chain }];
  const answer = { nftables: [...objects, ...Array.from({ length: 20_010 }, () => rule)] };
  const { losses, payloads, source } = await collect({
    programs: [ended('nft', JSON.stringify(answer))],
  });
  expect(payloads).toHaveLength(20_000);
  // The policy, and the hooks at which nothing filters, are among those that are left out.
  expect(losses).toEqual(['unparsed 15']);
  expect(source.limitation).toBe('Of 20015 rules 20000 are told.');
});
