import { isUnavailable } from '../../base/unavailable.js';
import type { Payload } from '../../contract/events.js';
import type { SnapshotCollector } from '../interface/collector.js';
import { watchState } from '../interface/watch-state.js';
import type { ProgramAnswer } from '../inventory/answer.js';
import { readAnswers } from './answers.js';
import { inWords, readKernelTables } from './kernel-tables.js';
import { toPayloads } from './rules/payloads.js';
import { toldOnce } from './told-once.js';
import { unfilteredHooks } from './unfiltered.js';

/** Far more than any device has; what is beyond is counted. */
const mostEntries = 20_000;

/**
 * The rules of the packet filter of the agent's network namespace: those of nftables, and the legacy ones of iptables and
 * ip6tables, each told once (`told-once.ts` says by which rule).
 *
 * Hooks at which nothing filters are told as such (`unfiltered.ts`), so that a device without any firewall is not silent;
 * but only where all was seen. Where no rule was seen and some may be there, the snapshot is not available: "no firewall"
 * is never guessed.
 *
 * The programs run in the inventory process. Without it the files of the kernel can still tell that there is no packet
 * filter at all.
 */
export const firewallConfiguration: SnapshotCollector<'FirewallConfiguration'> = {
  kind: 'snapshot',
  name: 'FirewallConfiguration',
  watch: watchState('FirewallRule'),
  async collect({ host, lose, setSource, signal }) {
    const kernel = await readKernelTables(host.paths);
    const { ip, ip6 } = kernel.legacy;
    const isEmpty = kernel.nfTables === false && ip?.length === 0 && ip6?.length === 0;
    const answer = isEmpty ? undefined : await host.inventory.ask('firewall', signal);
    if (answer !== undefined && isUnavailable(answer))
      return { unavailable: `${answer.unavailable} ${inWords(kernel)}` };
    const { ruleset, saved, unseen } = await readAnswers(answer?.programs ?? [], kernel);
    const chains = toldOnce(ruleset?.chains, saved);
    const missing = unseen.map((sentence) => `Not seen: ${sentence}`).join(' ');
    if (chains.length === 0 && unseen.length > 0) return { unavailable: missing };

    const payloads: Payload<'FirewallConfiguration'>[] = toPayloads(chains);
    if (unseen.length === 0)
      payloads.push(...unfilteredHooks(chains, kernel.hasIpv6 ? ['ip', 'ip6'] : ['ip']));
    const unparsed = saved.reduce((sum, tables) => sum + tables.unparsed, ruleset?.unparsed ?? 0);
    const excess = Math.max(0, payloads.length - mostEntries);
    if (unparsed + excess > 0) lose('unparsed', unparsed + excess);
    const limitation = [
      missing,
      excess > 0 ? `Of ${payloads.length} rules ${mostEntries} are told.` : '',
    ].filter(Boolean);
    setSource({
      source: sourceOf(answer?.programs ?? [], saved.length > 0),
      ...(limitation.length > 0 && { limitation: limitation.join(' ') }),
    });
    return payloads.slice(0, mostEntries);
  },
};

function sourceOf(programs: readonly ProgramAnswer[], hasSaved: boolean): string {
  const hasNft = programs.some(({ outcome, program }) => program === 'nft' && outcome === 'ended');
  const sources = [hasNft ? 'nft' : '', hasSaved ? 'iptables-save' : ''].filter(Boolean);
  return sources.length === 0 ? 'proc' : sources.join(', ');
}
