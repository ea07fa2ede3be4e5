import type { Payload } from '../../contract/events.js';
import type { Chain } from './rules/chain.js';
import { directionOf } from './rules/reach.js';

const hooks = ['input', 'forward', 'output'] as const;
type Family = 'ip' | 'ip6';

/**
 * One entry for each hook of IPv4 and IPv6 at which no chain filters: there the kernel lets everything through, as a base
 * chain without rules and with the policy accept would. Whoever reads the policies of INPUT and OUTPUT, as the retired
 * service did, sees an open device as open; `Unfiltered` tells it from a policy that somebody set.
 *
 * The entry is `Enabled`, because what it says is in force. (The retired agent for .NET sent the same three with `Enabled`
 * false, which reads as if the rule did not count.)
 * @param families those that the device has
 */
export function unfilteredHooks(
  chains: readonly Chain[],
  families: readonly Family[],
): Payload<'FirewallConfiguration'>[] {
  return families.flatMap((family) =>
    hooks
      .filter((hook) => !chains.some((chain) => filters(chain, family, hook)))
      .map((hook) => {
        const direction = directionOf(hook);
        return {
          Priority: 0,
          ...(direction !== 'Through' && { Direction: direction }),
          ChainName: hook.toUpperCase(),
          Enabled: true,
          Action: 'Allow' as const,
          ExtraDetails: { Table: family, Hook: hook, Unfiltered: 'true' },
        };
      }),
  );
}

/** A table of which nobody knows whether it is switched off may filter. */
function filters({ base, enabled, table }: Chain, family: Family, hook: string): boolean {
  const [tableFamily] = table.split(' ');
  return (
    base?.hook === hook &&
    base.type === 'filter' &&
    enabled !== false &&
    (tableFamily === family || tableFamily === 'inet')
  );
}
