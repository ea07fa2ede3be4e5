/** What the process of an inventory may do beyond what anybody may; its units are generated from it. */
export interface InventoryDeclaration {
  readonly meaning: string;
  /** Each with the reason, as a comment of the unit tells it. */
  readonly capabilities: Readonly<Record<string, string>>;
  /** Address families of sockets, beside AF_UNIX. */
  readonly families: readonly string[];
  /** It reads the network namespace of the device; otherwise it has an empty one of its own. */
  readonly seesNetwork: boolean;
}

/**
 * What `iot-security-agent inventory NAME` can be asked for: the facts that need a program, each with a process, a
 * socket and rights of its own. Add a line here and its function in `inventory/inquiries.ts`, and run
 * `npm run generate` for its units.
 */
export const inventories = {
  firewall: {
    meaning: 'The rules of the packet filter: nft, iptables-save and their relatives.',
    capabilities: {
      CAP_NET_ADMIN: 'the kernel tells rules to nobody else',
      CAP_NET_RAW: 'the legacy programs ask over a raw socket, on which nothing is sent',
      CAP_DAC_READ_SEARCH: 'the names of the legacy tables (/proc/net/ip_tables_names)',
    },
    families: ['AF_NETLINK', 'AF_INET', 'AF_INET6'],
    seesNetwork: true,
  },
  packages: {
    meaning: 'The packages that rpm has installed, whose database only its programs read: rpm -qa.',
    capabilities: {},
    families: [],
    seesNetwork: false,
  },
  sshd: {
    meaning: 'The settings that the SSH server has in force: sshd -T.',
    capabilities: {
      CAP_DAC_READ_SEARCH:
        'sshd says nothing before it has read its host keys, and its configuration',
    },
    families: [],
    seesNetwork: false,
  },
  system: {
    meaning: 'Make and model of the device, as the package systeminformation finds them.',
    capabilities: {
      CAP_DAC_READ_SEARCH: 'the tables of the firmware (/sys/firmware/dmi), which dmidecode reads',
    },
    families: [],
    seesNetwork: false,
  },
  updates: {
    meaning:
      'How many packages have a newer version by the lists that the device has: apt-get --just-print, opkg and apk.',
    capabilities: {},
    families: [],
    seesNetwork: false,
  },
} as const satisfies Readonly<Record<string, InventoryDeclaration>>;

export type InventoryName = keyof typeof inventories;

export const inventoryNames = Object.keys(inventories) as readonly InventoryName[];

export function isInventoryName(name: string): name is InventoryName {
  return Object.hasOwn(inventories, name);
}

/** The longest that a run may take, in milliseconds: the snapshot that asks for it is given up after two minutes. */
export const longestRunMs = 100_000;

/** The longest output of one program, in UTF-16 units: 5,000 rules of nft have about 3 million. */
export const longestOutput = 4 * 1024 * 1024;
