import type { Firewall } from '../facts/firewall.js';
import type { FileState } from '../facts/host-files.js';
import { excessOf } from './file-permissions.js';
import {
  check,
  type Check,
  fail,
  failIf,
  listed,
  notApplicable,
  pass,
  type Verdict,
} from './check.js';

type Family = 'ip' | 'ip6';

/** Base chains that filter what comes in. A table that may be switched off counts only where that is known. */
const filtersOf = ({ chains }: Firewall, family: Family) =>
  chains.filter(
    ({ base, enabled, table }) =>
      base?.hook === 'input' &&
      base.type === 'filter' &&
      enabled === true &&
      [family, 'inet'].includes(table.split(' ')[0] ?? ''),
  );

function deniesByDefault(firewall: Firewall, family: Family): Verdict {
  const filters = filtersOf(firewall, family);
  if (filters.length === 0) return fail('nothing filters what comes in');
  const denies = filters.some(
    ({ base, rules }) =>
      base?.policy === 'drop' ||
      // A last rule without conditions does the same as a policy.
      rules
        .at(-1)
        ?.some(
          ({ details, fields, verdict }) =>
            verdict.kind === 'deny' &&
            Object.keys(fields).length === 0 &&
            details.Match === undefined &&
            details.State === undefined &&
            details.InInterface === undefined &&
            details.Limit === undefined,
        ),
  );
  return denies ? pass : fail('what no rule speaks of is let in');
}

/** Whether anything but a comment is in a list of trusted hosts. */
const trusting = (text: string | undefined): boolean =>
  (text ?? '').split('\n').some((line) => line.trim() !== '' && !line.trim().startsWith('#'));

const guarded = (path: string, what: string): Check =>
  check({
    id: `network${path.replaceAll(/[/.]/g, '-')}`,
    subject: 'network',
    title: `${what} cannot be changed by others`,
    severity: 'Important',
    expected: `${path} leads to a file that others cannot write`,
    remedy: `Run chown root:root ${path} and chmod 0644 ${path}.`,
    needs: [`file:${path}`],
    // A resolver that writes the file may own it.
    judge: (file: FileState) => failIf(excessOf({ ...file, uid: 0 }, 0o644, [0])),
  });

export const networkChecks: readonly Check[] = [
  check({
    id: 'firewall-default-deny',
    subject: 'network',
    title: 'Packets over IPv4 that no rule allows are refused',
    severity: 'Important',
    expected: 'a filter at the hook input whose policy, or last rule, is drop or reject',
    remedy:
      'Set policy drop on the input chain in /etc/nftables.conf, after rules for what the device offers, and enable nftables.service.',
    section: '3.5.2.1',
    ruleId: 'eb6c608a-2316-41bd-aa00-604249e31f27',
    needs: ['firewall'],
    judge: (firewall) => deniesByDefault(firewall, 'ip'),
  }),
  check({
    id: 'firewall-default-deny-v6',
    subject: 'network',
    title: 'Packets over IPv6 that no rule allows are refused',
    severity: 'Important',
    expected: 'a filter at the hook input whose policy, or last rule, is drop or reject',
    remedy:
      'Use a table of the family inet in /etc/nftables.conf, or ip6tables as iptables; or switch IPv6 off.',
    section: '3.5.1.1',
    needs: ['firewall'],
    judge: (firewall) =>
      firewall.hasIpv6
        ? deniesByDefault(firewall, 'ip6')
        : notApplicable('no interface has an IPv6 address'),
  }),
  check({
    id: 'wireless-off',
    subject: 'network',
    title: 'Wireless interfaces are off where the device does not need them',
    severity: 'Warning',
    expected: 'no wireless interface is up',
    remedy:
      'Where the device does not need it, run rfkill block wifi, or keep its driver from being loaded.',
    section: '3.6',
    cceId: 'CCE-4276-2',
    ruleId: '8def2d0c-303a-4c0b-858c-319f80f7c814',
    needs: ['networkInterfaces'],
    judge: (interfaces) =>
      failIf(
        listed(interfaces.filter(({ up, wireless }) => up && wireless).map(({ name }) => name)),
      ),
  }),
  check({
    id: 'no-sniffing',
    subject: 'network',
    title: 'No interface takes packets that are meant for others',
    severity: 'Warning',
    expected: 'no interface is promiscuous, except ports of a bridge or bond',
    remedy: 'Find the program that sniffs with ss -0lp, and run ip link set dev NAME promisc off.',
    cceId: 'CCE-15013-6',
    ruleId: '45766f27-5af3-453d-bade-f8195925cde1',
    needs: ['networkInterfaces'],
    judge: (interfaces) =>
      failIf(listed(interfaces.filter(({ sniffing }) => sniffing).map(({ name }) => name))),
  }),
  check({
    id: 'ipv6-as-configured',
    subject: 'network',
    title: 'Where IPv6 is switched off, no interface has an address of it',
    severity: 'Warning',
    expected:
      'net.ipv6.conf.all.disable_ipv6 = 0, or nothing but the heading in /proc/net/if_inet6',
    remedy:
      'Set disable_ipv6 for default and for each interface, too, or start the kernel with ipv6.disable=1.',
    needs: ['parameter:net.ipv6.conf.all.disable_ipv6', 'text:/proc/net/if_inet6'],
    judge(disabled, addresses) {
      if (disabled !== '1') return pass;
      const names = addresses.split('\n').flatMap((line) => line.trim().split(/\s+/)[5] ?? []);
      return failIf(listed([...new Set(names)]));
    },
  }),
  ...[
    ['hosts-equiv', '/etc/hosts.equiv'],
    ['shosts-equiv', '/etc/ssh/shosts.equiv'],
    ['root-rhosts', '/root/.rhosts'],
  ].map(([id = '', path = '']) =>
    check({
      id: `trusts-no-host-${id}`,
      subject: 'network',
      title: `No other host is trusted without a password by ${path}`,
      severity: 'Critical',
      expected: `no ${path}, or one that names nobody`,
      remedy: `Remove ${path}: who can take the address of a host in it comes in without a password.`,
      needs: [`?text:${path}`],
      judge: (text: string | undefined) => failIf(trusting(text) && `${path} names hosts`),
    }),
  ),
  guarded('/etc/hosts', 'The table of host names'),
  guarded('/etc/resolv.conf', 'The list of name servers'),
  guarded('/etc/nsswitch.conf', 'The order in which names are looked up'),
];
