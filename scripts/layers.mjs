// The order of the folders, written once: the linter, a test and `npm run folders` take it from here.

/**
 * Every folder that holds code of the product. A file imports from its own folder and from those above it in this list,
 * types included; so there is no circle of folders, and each can be understood from what stands above it.
 */
export const layers = [
  // What everything stands on, and what is said on the wire.
  'base',
  'contract',
  'config',
  'local-hub/hub',
  'local-hub/services',
  'local-hub/live-view',
  'local-hub',

  // The readers of the kernel, by subject.
  'collectors/kernel',
  'collectors/kernel/files',
  'collectors/kernel/processes',
  'collectors/kernel/trace',
  'collectors/kernel/sockets',
  'collectors/kernel/devices',
  'collectors/kernel/packet-filter',
  'collectors/kernel/system-bus',
  'collectors/kernel/audit',

  // What needs a program is asked of another process.
  'collectors/inventory',

  // What is observed: a folder for a collector of several sources, a file for each of the others.
  'collectors/interface',
  'collectors/process-create/sources',
  'collectors/process-create',
  'collectors/connection-create/sources',
  'collectors/connection-create',
  'collectors/login/sources',
  'collectors/login',
  'collectors/local-users',
  'collectors/file-change/places',
  'collectors/file-change/sources',
  'collectors/file-change',
  'collectors/connected-hardware/facts',
  'collectors/connected-hardware/buses',
  'collectors/connected-hardware',
  'collectors/firewall-configuration/rules',
  'collectors/firewall-configuration/nftables',
  'collectors/firewall-configuration/iptables',
  'collectors/firewall-configuration',
  'collectors/software-inventory/databases',
  'collectors/software-inventory/licences',
  'collectors/software-inventory/bill',
  'collectors/software-inventory/updates',
  'collectors/software-inventory',
  'collectors/os-baseline/facts',
  'collectors/os-baseline/checks',
  'collectors/os-baseline/custom',
  'collectors/os-baseline/scan',
  'collectors/os-baseline',
  'collectors/system-information',
  'collectors/state-change/subjects',
  'collectors/state-change',
  'collectors',

  // The other process, with a bundle of its own.
  'inventory',

  // Rules judged on events, and nothing else: usable without the agent.
  'detection',
  'detection/language',
  'detection/engine',
  'detection/correlation',
  'detection/fields',
  'detection/rules',

  // What the parts of the agent share.
  'agent/supervisor',
  'agent/spool',
  'agent/state',
  'agent/history',
  'agent/accounting',
  'agent/identity/credentials',
  'agent/identity/services',
  'agent/identity/modes',
  'agent/identity',
  'agent/fleet',
  'agent/time',
  'agent/maintenance',
  'agent/rule-supply',
  'agent/detection',

  // The way of an event: collected, prepared and journaled, sent; and the settings, which come the other way.
  'agent/runner',
  'agent/pipeline/redaction',
  'agent/pipeline/aggregation',
  'agent/pipeline',
  'agent/posture',
  'agent/absence',
  'agent/hub',
  'agent/uplink',
  'agent/twin',
  'agent/status',

  // What puts the parts together, and what a person calls.
  'agent/composition',
  'agent/replay',
  'agent/enroll',
  'agent/import/formats',
  'agent/import',
  'agent/import/replacement',
  'agent/doctor',
  'agent/doctor/bundle',
  'agent/wipe',
  'agent/commands',
  'agent',
];

const neverShipped = 'which is not shipped to a device';

/** What the order would allow and the product does not: the second has a bundle of its own. */
const apart = [
  ['collectors', 'local-hub', neverShipped],
  ['inventory', 'local-hub', neverShipped],
  ['agent', 'local-hub', neverShipped],
  ['agent', 'inventory', 'which starts programs, in a process of its own'],
];

const folderOf = (path) => (path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '');
const isIn = (path, folder) => path.startsWith(`${folder}/`);

/** The layer of a file of code; undefined for what is in none. */
export function layerOf(path) {
  const folder = folderOf(path);
  return path.endsWith('.ts') && layers.includes(folder) ? folder : undefined;
}

/** The folders at the top of the project that hold layers. */
export const productFolders = [...new Set(layers.map((layer) => layer.split('/')[0]))];

/**
 * Why `file` may not import `target`, both as paths from the root of the project; undefined when it may, and for files
 * outside the layers (tests, benchmarks, scripts), which may import everything.
 */
export function objection(file, target) {
  if (!productFolders.some((folder) => isIn(file, folder))) return undefined;
  const from = layerOf(file);
  if (from === undefined) return `${folderOf(file)}/ has no place in scripts/layers.mjs.`;
  // package.json, and data that lies beside the code that reads it.
  if (folderOf(target) === '') return undefined;
  if (target.endsWith('.json') && isIn(target, file.slice(0, file.indexOf('/')))) return undefined;
  const to = layerOf(target);
  if (to === undefined)
    return `${folderOf(target)}/ has no place in scripts/layers.mjs: nothing of the product may import from it.`;
  const parting = apart.find(([one, other]) => isIn(file, one) && isIn(target, other));
  if (parting !== undefined) return `Nothing in ${from}/ may import from ${to}/, ${parting[2]}.`;
  if (layers.indexOf(to) <= layers.indexOf(from)) return undefined;
  return `${from}/ comes before ${to}/ in the order of folders (scripts/layers.mjs) and may not import from it.`;
}
