import type { Listener } from '../facts/listeners.js';
import { check, type Check, failIf, listed, type Severity, type Subject } from './check.js';

interface ListenerRow {
  readonly id: string;
  readonly what: string;
  readonly transport: Listener['transport'];
  readonly ports: readonly (number | readonly [from: number, to: number])[];
  readonly severity: Severity;
  readonly subject?: Subject;
  /** What to do other than to bind it to loopback. */
  readonly remedy?: string;
  readonly section?: string;
  readonly cceId?: string;
  readonly ruleId?: string;
}

const encrypted = 'Use its encrypted form, with certificates, and bind the plain one to loopback.';
const fieldbus =
  'Bind it to the address of the machine network alone, and keep others out with the firewall: it knows no passwords.';
const database = 'Bind it to loopback or a local socket, and set a password.';

/** Registered ports (IANA) of what is in clear text, asks nobody who they are, or is for developers. */
const rows: readonly ListenerRow[] = [
  { id: 'telnet', what: 'Telnet', transport: 'tcp', ports: [23, 2323], severity: 'Critical' },
  { id: 'ftp', what: 'FTP', transport: 'tcp', ports: [21], severity: 'Important' },
  { id: 'tftp', what: 'TFTP', transport: 'udp', ports: [69], severity: 'Important' },
  {
    id: 'rsh',
    what: 'Rexec, rlogin or rsh',
    transport: 'tcp',
    ports: [[512, 514]],
    severity: 'Critical',
  },
  { id: 'snmp', what: 'SNMP', transport: 'udp', ports: [161], severity: 'Important' },
  { id: 'rpcbind', what: 'The port mapper', transport: 'tcp', ports: [111], severity: 'Important' },
  { id: 'nfs', what: 'NFS', transport: 'tcp', ports: [2049], severity: 'Important' },
  { id: 'smb', what: 'SMB', transport: 'tcp', ports: [139, 445], severity: 'Important' },
  { id: 'rsync', what: 'Rsync', transport: 'tcp', ports: [873], severity: 'Important' },
  { id: 'http', what: 'Plain HTTP', transport: 'tcp', ports: [80], severity: 'Informational' },
  {
    id: 'tr069',
    what: 'Remote management by TR-069',
    transport: 'tcp',
    ports: [7547],
    severity: 'Important',
    remedy: 'Keep all but the management server out with the firewall, or switch it off.',
  },
  {
    id: 'mqtt',
    what: 'An MQTT broker without TLS',
    transport: 'tcp',
    ports: [1883],
    severity: 'Important',
    remedy: 'Use TLS on port 8883 with certificates or passwords, and bind port 1883 to loopback.',
  },
  {
    id: 'coap',
    what: 'CoAP without DTLS',
    transport: 'udp',
    ports: [5683],
    severity: 'Warning',
    remedy: encrypted,
  },
  {
    id: 'modbus',
    what: 'Modbus',
    transport: 'tcp',
    ports: [502],
    severity: 'Warning',
    remedy: fieldbus,
  },
  {
    id: 's7',
    what: 'The S7 protocol of controllers',
    transport: 'tcp',
    ports: [102],
    severity: 'Warning',
    remedy: fieldbus,
  },
  {
    id: 'ethernet-ip',
    what: 'EtherNet/IP',
    transport: 'tcp',
    ports: [44818],
    severity: 'Warning',
    remedy: fieldbus,
  },
  {
    id: 'bacnet',
    what: 'BACnet',
    transport: 'udp',
    ports: [47808],
    severity: 'Warning',
    remedy: fieldbus,
  },
  {
    id: 'dnp3',
    what: 'DNP3',
    transport: 'tcp',
    ports: [20000],
    severity: 'Warning',
    remedy: fieldbus,
  },
  {
    id: 'iec104',
    what: 'IEC 60870-5-104',
    transport: 'tcp',
    ports: [2404],
    severity: 'Warning',
    remedy: fieldbus,
  },
  {
    id: 'redis',
    what: 'Redis',
    transport: 'tcp',
    ports: [6379],
    severity: 'Critical',
    remedy: database,
  },
  {
    id: 'mongodb',
    what: 'MongoDB',
    transport: 'tcp',
    ports: [27017],
    severity: 'Critical',
    remedy: database,
  },
  {
    id: 'memcached',
    what: 'Memcached',
    transport: 'tcp',
    ports: [11211],
    severity: 'Critical',
    remedy: database,
  },
  {
    id: 'elasticsearch',
    what: 'Elasticsearch',
    transport: 'tcp',
    ports: [9200],
    severity: 'Important',
    remedy: database,
  },
  {
    id: 'influxdb',
    what: 'InfluxDB',
    transport: 'tcp',
    ports: [8086],
    severity: 'Warning',
    remedy: database,
  },
  {
    id: 'sql',
    what: 'A database (MySQL, PostgreSQL)',
    transport: 'tcp',
    ports: [3306, 5432],
    severity: 'Important',
    remedy: database,
  },
  {
    id: 'docker',
    what: 'The interface of Docker without TLS',
    transport: 'tcp',
    ports: [2375],
    severity: 'Critical',
    remedy:
      'Take tcp:// out of the hosts of dockerd: whoever reaches it is root; use ssh, or TLS on port 2376.',
  },
  {
    id: 'kubelet',
    what: 'The read-only port of the kubelet',
    transport: 'tcp',
    ports: [10255],
    severity: 'Important',
    remedy: 'Set readOnlyPort to 0 in the configuration of the kubelet.',
  },
  {
    id: 'x11',
    what: 'The X Window System',
    transport: 'tcp',
    ports: [[6000, 6063]],
    severity: 'Critical',
    remedy: 'Start the X server with -nolisten tcp.',
  },
  {
    id: 'vnc',
    what: 'VNC',
    transport: 'tcp',
    ports: [[5900, 5910]],
    severity: 'Important',
    remedy: 'Bind it to loopback and reach it through ssh.',
  },
  { id: 'rdp', what: 'RDP', transport: 'tcp', ports: [3389], severity: 'Important' },
  { id: 'ssdp', what: 'UPnP (SSDP)', transport: 'udp', ports: [1900], severity: 'Important' },
  {
    id: 'mdns',
    what: 'Multicast DNS',
    transport: 'udp',
    ports: [5353],
    severity: 'Informational',
    remedy: 'Stop avahi-daemon, and set MulticastDNS=no in resolved.conf.',
  },
  {
    id: 'llmnr',
    what: 'LLMNR, whose answers anybody can forge,',
    transport: 'udp',
    ports: [5355],
    severity: 'Warning',
    remedy: 'Set LLMNR=no in /etc/systemd/resolved.conf and restart systemd-resolved.',
  },
  {
    id: 'adb',
    what: 'The debug bridge adb',
    transport: 'tcp',
    ports: [5555],
    severity: 'Critical',
    subject: 'debug',
  },
  {
    id: 'debugger',
    what: 'A debugger (tcf-agent, Node inspector, gdbserver, debugpy, JDWP)',
    transport: 'tcp',
    ports: [1534, 2345, 5005, 5678, 9229],
    severity: 'Critical',
    subject: 'debug',
  },
  {
    id: 'mail',
    what: 'A mail server',
    transport: 'tcp',
    ports: [25, 465, 587],
    severity: 'Important',
    remedy: 'Set inet_interfaces = loopback-only (postfix) or dc_local_interfaces (exim).',
    section: '2.2.15',
    cceId: 'CCE-15018-5',
    ruleId: 'd0cc4e35-70a1-4ee5-b572-3b969201562e',
  },
];

const textOf = ({ address, port, executable }: Listener): string => {
  const at = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  return executable === undefined ? at : `${at} (${executable})`;
};

const notOffered = ({
  id,
  what,
  transport,
  ports,
  severity,
  subject = 'services',
  remedy = 'Stop what listens there, or bind it to loopback.',
  ...ids
}: ListenerRow): Check => {
  const ranges = ports.map((port) => (typeof port === 'number' ? ([port, port] as const) : port));
  const text = ranges.map(([from, to]) => (from === to ? `${from}` : `${from} to ${to}`));
  return check({
    id: `listener-${id}`,
    subject,
    title: `${what} is not offered to the network`,
    severity,
    expected: `no socket waits on ${transport} port ${text.join(', ')} but on loopback`,
    remedy,
    ...ids,
    needs: ['listeners'],
    judge(listeners) {
      const open = listeners.filter(
        (listener) =>
          listener.transport === transport &&
          !listener.loopback &&
          ranges.some(([from, to]) => listener.port >= from && listener.port <= to),
      );
      return failIf(listed([...new Set(open.map(textOf))]));
    },
  });
};

export const listenerChecks: readonly Check[] = rows.map(notOffered);
