import type { Listener } from '../../../../collectors/os-baseline/facts/listeners.js';
import type { RunningProcess } from '../../../../collectors/os-baseline/facts/processes.js';
import type { Unit } from '../../../../collectors/os-baseline/facts/init-scripts.js';
import type { CheckCases, Given } from '../judged.js';

export const unitsOf = (all: Readonly<Record<string, Partial<Unit>>>) => ({
  all: new Map(
    Object.entries(all).map(([name, unit]) => [name, { enabled: false, masked: false, ...unit }]),
  ),
  source: 'bus',
});
export const processOf = (name: string, more: Partial<RunningProcess> = {}): RunningProcess => ({
  pid: 300,
  name,
  ...more,
});

const contained = { first: true, allCapabilities: false, ownUsers: false, hostNetwork: false };
const given = (
  units: Readonly<Record<string, Partial<Unit>>>,
  inetd: readonly string[] = [],
  processes: readonly RunningProcess[] = [],
): Given => [unitsOf(units), new Set(inetd), processes];

/** A unit that stands for the service, a program as /proc names it, and its name for inetd. */
const service = (unit: string, program?: string, inetd?: string): CheckCases => ({
  pass: [
    given({}),
    given({ [unit]: {} }),
    given({ [unit]: { enabled: true, masked: true } }),
    given({}, ['ident'], [processOf('sshd')]),
    given({}, [], program === undefined ? [] : [processOf(program, { contained })]),
  ],
  fail: [
    [given({ [unit]: { enabled: true } }), `${unit} is enabled or runs`],
    [given({ [unit]: { active: true } }), `${unit} is enabled or runs`],
    ...(inetd === undefined
      ? []
      : ([[given({}, ['ident', inetd]), `inetd is told to start ${inetd}`]] as const)),
    ...(program === undefined
      ? []
      : ([
          [given({}, [], [processOf('sshd'), processOf(program)]), `the program ${program} runs`],
        ] as const)),
  ],
});

export const serviceCases: Readonly<Record<string, CheckCases>> = {
  'service-telnet': service('telnet.socket', 'telnetd', 'telnet'),
  'service-rlogin': service('rlogin.socket', 'in.rlogind', 'login'),
  'service-rsh': service('rsh.socket', 'in.rshd', 'shell'),
  'service-talk': service('ntalk.socket', 'in.ntalkd', 'ntalk'),
  'service-tftp': service('tftpd-hpa.service', 'in.tftpd', 'tftp'),
  'service-ftp': service('vsftpd.service', 'vsftpd', 'ftp'),
  'service-small-services': service('chargen.socket', undefined, 'chargen'),
  'service-inetd': service('openbsd-inetd.service', 'inetd'),
  'service-xinetd': service('xinetd.service', 'xinetd'),
  'service-avahi': service('avahi-daemon.socket', 'avahi-daemon'),
  'service-zeroconf': service('avahi-autoipd.service', 'zcip'),
  'service-cups': service('cups.path', 'cupsd'),
  'service-dhcp-server': service('isc-dhcp-server.service', 'udhcpd'),
  'service-ldap-server': service('slapd.service', 'slapd'),
  'service-nfs-server': service('nfs-server.service', 'rpc.mountd'),
  'service-rpcbind': service('rpcbind.socket', 'rpcbind'),
  'service-rpc-gssd': service('rpc-gssd.service', 'rpc.gssd'),
  'service-rpc-idmapd': service('nfs-idmapd.service', 'rpc.idmapd'),
  'service-rpc-svcgssd': service('rpc-svcgssd.service', 'rpc.svcgssd'),
  'service-dns-server': service('named.service', 'dnsmasq'),
  'service-http-server': service('nginx.service', 'lighttpd'),
  'service-imap-server': service('dovecot.service', 'dovecot'),
  'service-samba': service('smbd.service', 'smbd'),
  'service-squid': service('squid.service', 'squid'),
  'service-snmp': service('snmpd.service', 'snmpd'),
  'service-rsync': service('rsync.service', undefined, 'rsync'),
  'service-nis-server': service('ypserv.service', 'ypserv'),
  'service-nis-client': service('ypbind.service', 'ypbind'),
  'service-bluetooth': service('bluetooth.service', 'bluetoothd'),
  'service-isdn': service('isdnutils.service', 'isdnlog'),
  'service-kdump': service('kdump-tools.service'),
  'service-automounter': service('autofs.service', 'udisksd'),
  'service-upnp': service('miniupnpd.service', 'miniupnpd'),
  // The kernel keeps fifteen bytes of a name.
  'service-remote-desktop': service('xrdp.service', 'vncserver-x11-c'),
  'service-adb': service('adbd.service', 'adbd'),
  'service-debug-agent': service('gdbserver.service', 'tcf-agent'),
  'service-debug-shell': service('debug-shell.service'),
};

const versionsOf = (...names: string[]): Given => [
  { manager: 'dpkg', versions: new Map(names.map((name) => [name, '1.0'])) },
];
const packaged = (first: string, other = first): CheckCases => ({
  pass: [versionsOf(), versionsOf('busybox', `${first}-doc`)],
  fail: [
    [versionsOf('busybox', first), first],
    [versionsOf(other), other],
  ],
});

export const packageCases: Readonly<Record<string, CheckCases>> = {
  'package-telnetd': packaged('telnetd', 'inetutils-telnetd'),
  'package-rsh-server': packaged('rsh-server', 'rsh-redone-server'),
  'package-nis': packaged('nis', 'ypbind-mt'),
  'package-rsh-client': packaged('rsh-client', 'rsh-redone-client'),
  'package-talk-client': packaged('talk', 'inetutils-talk'),
  'package-telnet-client': packaged('telnet', 'inetutils-telnet'),
  'package-ldap-client': packaged('ldap-utils'),
  'package-tftpd': packaged('tftpd-hpa', 'atftpd'),
  'package-readahead': packaged('readahead-fedora'),
  'package-isdn': packaged('isdnutils-base'),
  'package-dhcp-server': packaged('isc-dhcp-server'),
  'package-sendmail': packaged('sendmail'),
  'package-postfix': packaged('postfix'),
  'package-bind': packaged('bind9', 'bind'),
  'package-dovecot': packaged('dovecot-core'),
  'package-x-window': packaged('xserver-xorg-core'),
  'package-prelink': packaged('prelink'),
  'package-debug-tools': {
    pass: [versionsOf('gdbm')],
    fail: [[versionsOf('tcpdump', 'gdb', 'bash'), 'gdb, tcpdump']],
  },
  'package-compiler': packaged('gcc', 'build-essential'),
};

const listener = (
  transport: Listener['transport'],
  port: number,
  address = '0.0.0.0',
  executable?: string,
): Listener => ({
  transport,
  port,
  address,
  loopback: address === '127.0.0.1' || address === '::1',
  ...(executable !== undefined && { executable }),
});

const listening = (transport: Listener['transport'], port: number): CheckCases => {
  const other = transport === 'tcp' ? 'udp' : 'tcp';
  return {
    pass: [
      [[]],
      [[listener('tcp', 22), listener(other, port)]],
      [[listener(transport, port, '127.0.0.1'), listener(transport, port, '::1')]],
    ],
    fail: [
      [[[listener(transport, port)]], `0.0.0.0:${port}`],
      [
        [[listener('tcp', 22), listener(transport, port, '::', '/usr/sbin/server')]],
        `[::]:${port} (/usr/sbin/server)`,
      ],
      [
        [[listener(transport, port, '192.0.2.7'), listener(transport, port, '::1')]],
        `192.0.2.7:${port}`,
      ],
    ],
  };
};

export const listenerCases: Readonly<Record<string, CheckCases>> = {
  'listener-telnet': listening('tcp', 23),
  'listener-ftp': listening('tcp', 21),
  'listener-tftp': listening('udp', 69),
  'listener-rsh': listening('tcp', 513),
  'listener-snmp': listening('udp', 161),
  'listener-rpcbind': listening('tcp', 111),
  'listener-nfs': listening('tcp', 2049),
  'listener-smb': listening('tcp', 445),
  'listener-rsync': listening('tcp', 873),
  'listener-http': listening('tcp', 80),
  'listener-tr069': listening('tcp', 7547),
  'listener-mqtt': listening('tcp', 1883),
  'listener-coap': listening('udp', 5683),
  'listener-modbus': listening('tcp', 502),
  'listener-s7': listening('tcp', 102),
  'listener-ethernet-ip': listening('tcp', 44818),
  'listener-bacnet': listening('udp', 47808),
  'listener-dnp3': listening('tcp', 20000),
  'listener-iec104': listening('tcp', 2404),
  'listener-redis': listening('tcp', 6379),
  'listener-mongodb': listening('tcp', 27017),
  'listener-memcached': listening('tcp', 11211),
  'listener-elasticsearch': listening('tcp', 9200),
  'listener-influxdb': listening('tcp', 8086),
  'listener-sql': listening('tcp', 5432),
  'listener-docker': listening('tcp', 2375),
  'listener-kubelet': listening('tcp', 10255),
  'listener-x11': listening('tcp', 6063),
  'listener-vnc': listening('tcp', 5901),
  'listener-rdp': listening('tcp', 3389),
  'listener-ssdp': listening('udp', 1900),
  'listener-mdns': listening('udp', 5353),
  'listener-llmnr': listening('udp', 5355),
  'listener-adb': listening('tcp', 5555),
  'listener-debugger': listening('tcp', 9229),
  'listener-mail': listening('tcp', 587),
};
