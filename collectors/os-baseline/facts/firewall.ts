import { isUnavailable } from '../../../base/unavailable.js';
import { readAnswers } from '../../firewall-configuration/answers.js';
import { readKernelTables } from '../../firewall-configuration/kernel-tables.js';
import type { Chain } from '../../firewall-configuration/rules/chain.js';
import { toldOnce } from '../../firewall-configuration/told-once.js';
import type { SubjectReader } from './fact-reader.js';
import { found, unreadable } from './reading.js';

/** The packet filter of the agent's network namespace. */
export interface Firewall {
  readonly chains: readonly Chain[];
  readonly hasIpv6: boolean;
}

/** The same chains that FirewallConfiguration tells of. What was not seen whole cannot be judged. */
export const readFirewall: SubjectReader<Firewall> = async ({ host, signal }) => {
  const kernel = await readKernelTables(host.paths);
  const { hasIpv6, legacy, nfTables } = kernel;
  if (nfTables === false && legacy.ip?.length === 0 && legacy.ip6?.length === 0)
    return found({ chains: [], hasIpv6 });
  const answer = await host.inventory.ask('firewall', signal);
  if (isUnavailable(answer))
    return unreadable(`the packet filter cannot be seen: ${answer.unavailable.replace(/\.$/, '')}`);
  const { ruleset, saved, unseen } = await readAnswers(answer.programs, kernel);
  const [missing] = unseen;
  if (missing !== undefined) return unreadable(missing.replace(/\.$/, ''));
  return found({ chains: toldOnce(ruleset?.chains, saved), hasIpv6 });
};
