import type { Sshd } from '../facts/sshd.js';
import { check, type Check, failIf, listed, type Severity } from './check.js';

interface SettingRow {
  readonly id: string;
  readonly title: string;
  /** As sshd_config(5) writes it. */
  readonly keyword: string;
  readonly expected: string;
  /** What to write, where it is not the keyword with the expected value. */
  readonly write?: string;
  /** Given the value in lower case; undefined where the server has no such setting any more. */
  readonly isWell: (value: string | undefined) => boolean;
  readonly severity: Severity;
  readonly section?: string;
  readonly cceId?: string;
  readonly ruleId?: string;
}

const isOneOf =
  (...values: readonly string[]) =>
  (value: string | undefined): boolean =>
    value !== undefined && values.includes(value);

/** For settings that newer servers do not have, because they cannot be had otherwise any more. */
const isOneOfOrGone =
  (...values: readonly string[]) =>
  (value: string | undefined): boolean =>
    value === undefined || values.includes(value);

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

/** `120`, `2m`, `1h30m` (sshd_config(5), TIME FORMATS) in seconds; NaN for what is none. */
export function secondsOf(value: string | undefined): number {
  const parts = value?.match(/^(\d{1,9}[smhdw]?)+$/) ? (value.match(/\d+[smhdw]?/g) ?? []) : [];
  if (parts.length === 0) return Number.NaN;
  return parts.reduce(
    (sum, part) => sum + Number.parseInt(part, 10) * (unitSeconds[part.at(-1) ?? ''] ?? 1),
    0,
  );
}

const isWithin =
  (least: number, most: number) =>
  (value: string | undefined): boolean => {
    const seconds = secondsOf(value);
    return seconds >= least && seconds <= most;
  };

/** `start:rate:full`, or `start` alone, after which all are turned away. */
function startsAreFew(value: string | undefined): boolean {
  const [start = Number.NaN, rate = 100, full = start] = (value ?? '').split(':').map(Number);
  return start <= 10 && rate >= 30 && full <= 60;
}

const rows: readonly SettingRow[] = [
  {
    id: 'ssh-protocol',
    title: 'SSH speaks version 2 alone',
    keyword: 'Protocol',
    expected: '2, or a server that knows no other',
    write: 'Protocol 2',
    isWell: isOneOfOrGone('2'),
    severity: 'Critical',
    cceId: 'CCE-4325-7',
    ruleId: '35868e8c-97eb-4981-ab79-99b25101cc86',
  },
  {
    id: 'ssh-ignore-rhosts',
    title: 'SSH takes no notice of .rhosts and .shosts',
    keyword: 'IgnoreRhosts',
    expected: 'yes',
    isWell: isOneOf('yes'),
    severity: 'Critical',
    section: '5.2.8',
    cceId: 'CCE-4030-3',
    ruleId: '43945588-1bdc-495c-bac8-6a71a62d30aa',
  },
  {
    id: 'ssh-rhosts-authentication',
    title: 'SSH lets nobody in for the machine that he comes from',
    keyword: 'RhostsAuthentication',
    expected: 'no, or a server that cannot',
    write: 'RhostsAuthentication no',
    isWell: isOneOfOrGone('no'),
    severity: 'Critical',
    cceId: 'CCE-4030-3',
    ruleId: '654b54c4-0a1f-40e7-b5e6-ee19b7a67b8b',
  },
  {
    id: 'ssh-rhosts-rsa',
    title: 'SSH does not stand in for rsh',
    keyword: 'RhostsRSAAuthentication',
    expected: 'no, or a server that cannot',
    write: 'RhostsRSAAuthentication no',
    isWell: isOneOfOrGone('no'),
    severity: 'Critical',
    cceId: 'CCE-4475-0',
    ruleId: 'c0b75409-01e3-4428-9a32-bfcdb42afcb5',
  },
  {
    id: 'ssh-host-based',
    title: 'SSH lets nobody in for the key of his machine',
    keyword: 'HostbasedAuthentication',
    expected: 'no',
    isWell: isOneOf('no'),
    severity: 'Critical',
    section: '5.2.9',
    cceId: 'CCE-4370-3',
    ruleId: '66511f6b-f690-43df-9654-642260699eec',
  },
  {
    id: 'ssh-empty-passwords',
    title: 'SSH lets nobody in without a password',
    keyword: 'PermitEmptyPasswords',
    expected: 'no',
    isWell: isOneOf('no'),
    severity: 'Critical',
    section: '5.2.11',
    cceId: 'CCE-3660-8',
    ruleId: 'd50c3f39-264c-4cdc-b0ba-89de8a0f6828',
  },
  {
    id: 'ssh-user-environment',
    title: 'Users of SSH cannot set the environment of their programs',
    keyword: 'PermitUserEnvironment',
    expected: 'no',
    isWell: isOneOf('no'),
    severity: 'Warning',
    section: '5.2.12',
    cceId: 'CCE-14716-5',
    ruleId: '0e665978-91f4-45af-bb7b-e4090b600c8d',
  },
  {
    id: 'ssh-root-login',
    title: 'Nobody logs in as root over SSH',
    keyword: 'PermitRootLogin',
    expected: 'no',
    isWell: isOneOf('no'),
    severity: 'Important',
    section: '5.2.10',
    ruleId: '16511f6b-f690-43df-9654-642260699eec',
  },
  {
    id: 'ssh-passwords',
    title: 'SSH takes keys and no passwords',
    keyword: 'PasswordAuthentication',
    expected: 'no',
    isWell: isOneOf('no'),
    severity: 'Warning',
  },
  {
    id: 'ssh-auth-tries',
    title: 'A connection of SSH may try few passwords',
    keyword: 'MaxAuthTries',
    expected: '1 to 4',
    write: 'MaxAuthTries 4',
    isWell: isWithin(1, 4),
    severity: 'Warning',
    section: '5.2.7',
    ruleId: 'e7708534-5d98-406f-83ae-1de835b2906e',
  },
  {
    id: 'ssh-x11',
    title: 'SSH forwards no graphical programs',
    keyword: 'X11Forwarding',
    expected: 'no',
    isWell: isOneOf('no'),
    severity: 'Warning',
    section: '5.2.6',
  },
  {
    id: 'ssh-tcp-forwarding',
    title: 'SSH is no way around the firewall',
    keyword: 'AllowTcpForwarding',
    expected: 'no',
    isWell: isOneOf('no'),
    severity: 'Warning',
    section: '5.2.21',
  },
  {
    id: 'ssh-gateway-ports',
    title: 'Ports that SSH forwards are not open to the network',
    keyword: 'GatewayPorts',
    expected: 'no',
    isWell: isOneOf('no'),
    severity: 'Important',
  },
  {
    id: 'ssh-tunnel',
    title: 'SSH makes no tunnels between networks',
    keyword: 'PermitTunnel',
    expected: 'no',
    isWell: isOneOf('no'),
    severity: 'Important',
  },
  {
    id: 'ssh-strict-modes',
    title: 'SSH trusts no keys that others can change',
    keyword: 'StrictModes',
    expected: 'yes',
    isWell: isOneOf('yes'),
    severity: 'Important',
  },
  {
    id: 'ssh-log-level',
    title: 'SSH logs who logs in',
    keyword: 'LogLevel',
    expected: 'INFO or VERBOSE',
    write: 'LogLevel INFO',
    isWell: isOneOf('info', 'verbose'),
    severity: 'Warning',
    section: '5.2.5',
    ruleId: '31f1a912-1b98-42fd-8381-1e8d1033bfd1',
  },
  {
    id: 'ssh-idle-interval',
    title: 'SSH asks clients that are silent whether they are there',
    keyword: 'ClientAliveInterval',
    expected: '1 to 300 seconds',
    write: 'ClientAliveInterval 300',
    isWell: isWithin(1, 300),
    severity: 'Warning',
    section: '5.2.16',
    ruleId: 'c848bba4-93b1-4756-b08a-ff94c2b4814c',
  },
  {
    id: 'ssh-idle-count',
    title: 'SSH ends the connections of clients that do not answer',
    keyword: 'ClientAliveCountMax',
    expected: '1 to 3',
    write: 'ClientAliveCountMax 3',
    isWell: isWithin(1, 3),
    severity: 'Warning',
    ruleId: 'fd9f1554-6b72-8610-826e-78578e6f7811',
  },
  {
    id: 'ssh-login-grace',
    title: 'A login over SSH has little time',
    keyword: 'LoginGraceTime',
    expected: '1 to 60 seconds',
    write: 'LoginGraceTime 60',
    isWell: isWithin(1, 60),
    severity: 'Warning',
    section: '5.2.17',
    ruleId: '39aa5c2b-5b36-84a7-4022-570a53c86ff9',
  },
  {
    id: 'ssh-max-startups',
    title: 'SSH turns away who opens many connections without logging in',
    keyword: 'MaxStartups',
    expected: '10:30:60 or less',
    write: 'MaxStartups 10:30:60',
    isWell: startsAreFew,
    severity: 'Warning',
    section: '5.2.22',
  },
];

const valueOf = ({ settings }: Sshd, keyword: string): string | undefined =>
  settings.get(keyword.toLowerCase())?.[0];

const setting = ({ keyword, isWell, expected, write, ...text }: SettingRow): Check =>
  check({
    ...text,
    subject: 'ssh',
    expected: `${keyword} ${expected}`,
    remedy: `Write "${write ?? `${keyword} ${expected}`}" to /etc/ssh/sshd_config and reload the service ssh or sshd.`,
    needs: ['sshd'],
    judge(sshd) {
      const value = valueOf(sshd, keyword);
      return failIf(!isWell(value?.toLowerCase()) && `${keyword} ${value ?? 'not set'}`);
    },
  });

interface AlgorithmRow {
  readonly id: string;
  readonly keyword: string;
  readonly what: string;
  readonly weak: RegExp;
  readonly names: string;
  readonly section: string;
  readonly ruleId?: string;
}

const algorithms: readonly AlgorithmRow[] = [
  {
    id: 'ssh-ciphers',
    keyword: 'Ciphers',
    what: 'ciphers',
    weak: /-cbc(@|$)|^arcfour|^none$/,
    names: 'CBC modes, 3DES or RC4',
    section: '5.2.13',
    ruleId: 'b07d4c69-a1d9-4c22-a486-634ec3b8c380',
  },
  {
    id: 'ssh-macs',
    keyword: 'MACs',
    what: 'checksums',
    weak: /md5|sha1|ripemd|^umac-64/,
    names: 'MD5, SHA-1, RIPEMD or 64 bits',
    section: '5.2.14',
    ruleId: '483e8b0c-7572-8467-7e0c-26e1e9ce6359',
  },
  {
    id: 'ssh-key-exchange',
    keyword: 'KexAlgorithms',
    what: 'ways to agree on keys',
    weak: /-sha1(@|$)/,
    names: 'SHA-1',
    section: '5.2.15',
  },
];

const strong = ({ keyword, what, weak, names, ...ids }: AlgorithmRow): Check =>
  check({
    ...ids,
    subject: 'ssh',
    title: `SSH offers no weak ${what}`,
    severity: 'Important',
    expected: `${keyword} without ${names}`,
    remedy: `Write the line ${keyword} to /etc/ssh/sshd_config without these, and reload the service ssh or sshd.`,
    needs: ['sshd'],
    judge(sshd) {
      const offered = (valueOf(sshd, keyword) ?? '').split(',');
      return failIf(listed(offered.filter((name) => weak.test(name))));
    },
  });

const limits = ['AllowUsers', 'AllowGroups', 'DenyUsers', 'DenyGroups'];

export const sshSettingChecks: readonly Check[] = [
  ...rows.map(setting),
  ...algorithms.map(strong),
  check({
    id: 'ssh-root-password',
    subject: 'ssh',
    title: 'The password of root opens nothing over SSH',
    severity: 'Critical',
    expected: 'PermitRootLogin no or prohibit-password, or PasswordAuthentication no',
    remedy:
      'Write "PermitRootLogin no" to /etc/ssh/sshd_config and reload the service ssh or sshd.',
    needs: ['sshd'],
    judge(sshd) {
      const isOn = (keyword: string): boolean => valueOf(sshd, keyword)?.toLowerCase() === 'yes';
      const asks = isOn('PasswordAuthentication') || isOn('KbdInteractiveAuthentication');
      return failIf(isOn('PermitRootLogin') && asks && 'PermitRootLogin yes with passwords');
    },
  }),
  check({
    id: 'ssh-access-limited',
    subject: 'ssh',
    title: 'SSH is open to named accounts alone',
    severity: 'Warning',
    expected: 'AllowUsers, AllowGroups, DenyUsers or DenyGroups',
    remedy: 'Write "AllowGroups NAME" to /etc/ssh/sshd_config and reload the service ssh or sshd.',
    section: '5.2.18',
    ruleId: 'dc8da71d-aeba-4c03-8835-36fe158e372a',
    needs: ['sshd'],
    judge: (sshd) => failIf(!limits.some((name) => valueOf(sshd, name)) && 'none of these is set'),
  }),
];
