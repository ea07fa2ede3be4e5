import { check, type Check, fail, pass, type Severity } from './check.js';

interface ModuleRow {
  readonly module: string;
  readonly what: string;
  readonly severity?: Severity;
  readonly subject?: 'file-systems' | 'network';
  readonly section?: string;
  readonly cceId?: string;
  readonly ruleId?: string;
}

/** What hardly any device needs, and a stranger can have loaded: by a medium that is plugged in, or by opening a socket. */
const rows: readonly ModuleRow[] = [
  {
    module: 'cramfs',
    what: 'The file system cramfs',
    section: '1.1.1.1',
    ruleId: '9967cbaf-44be-0dd1-92ab-d4f4034b2d28',
  },
  {
    module: 'freevxfs',
    what: 'The file system freevxfs',
    section: '1.1.1.2',
    ruleId: '4c066a3d-8eba-a210-3228-cff300039363',
  },
  {
    module: 'jffs2',
    what: 'The file system jffs2',
    section: '1.1.1.3',
    ruleId: '859c7aa0-6eeb-6aac-6160-2fdead2537bf',
  },
  {
    module: 'hfs',
    what: 'The file system hfs',
    section: '1.1.1.4',
    ruleId: '39595d95-88a4-78e2-6e0e-fbde7fd95eed',
  },
  {
    module: 'hfsplus',
    what: 'The file system hfsplus',
    section: '1.1.1.5',
    ruleId: '68fb9c92-1009-9e24-694e-3d996a5e09c5',
  },
  { module: 'udf', what: 'The file system udf', section: '1.1.1.7' },
  {
    module: 'usb-storage',
    what: 'The driver of USB disks',
    section: '1.1.23',
    ruleId: 'acffbbca-3e5b-9aa9-65ee-ff7b6116565f',
  },
  {
    module: 'dccp',
    what: 'The network protocol DCCP',
    subject: 'network',
    section: '3.4.1',
    ruleId: '93d2736e-7329-8806-3ef6-e71bb2203d11',
  },
  {
    module: 'sctp',
    what: 'The network protocol SCTP',
    subject: 'network',
    section: '3.4.2',
    ruleId: '78228616-15d4-33fe-0357-88e77f228f05',
  },
  {
    module: 'rds',
    what: 'The network protocol RDS',
    subject: 'network',
    section: '3.4.3',
    cceId: 'CCE-14027-7',
    ruleId: 'd9ed5e76-2348-4409-94dd-c76352407fe8',
  },
  {
    module: 'tipc',
    what: 'The network protocol TIPC',
    subject: 'network',
    section: '3.4.4',
    ruleId: '8ace9b14-820f-6e0d-37d8-c6df950454cd',
  },
  { module: 'firewire-core', what: 'The driver of FireWire, over which memory can be read,' },
];

const keptOut = ({
  module,
  what,
  subject = 'file-systems',
  severity = 'Warning',
  ...ids
}: ModuleRow): Check =>
  check({
    id: `module-${module}`,
    subject,
    title: `${what} cannot be loaded`,
    severity,
    expected: `${module} is not loaded, and not installed or barred in modprobe.d`,
    remedy: `Where the device does not need it, write "install ${module} /bin/false" to /etc/modprobe.d/${module}.conf and run modprobe -r ${module}, or build the kernel without it.`,
    ...ids,
    needs: [`module:${module}`],
    judge({ loaded, builtIn, installed, barred }) {
      if (loaded) return fail('it is loaded');
      if (builtIn) return fail('it is built into the kernel');
      if (installed && barred === undefined) return fail('it is installed and not barred');
      return pass;
    },
  });

export const kernelModuleChecks: readonly Check[] = rows.map(keptOut);
