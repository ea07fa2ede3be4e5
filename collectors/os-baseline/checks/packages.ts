import { check, type Check, failIf, listed, type Severity, type Subject } from './check.js';

interface PackageRow {
  readonly id: string;
  readonly what: string;
  readonly packages: readonly string[];
  readonly severity: Severity;
  readonly subject?: Subject;
  readonly section?: string;
  readonly cceId?: string;
  readonly ruleId?: string;
}

/** Names of Debian, Yocto, OpenWrt and Alpine. */
const rows: readonly PackageRow[] = [
  {
    id: 'telnetd',
    what: 'A telnet server',
    packages: ['telnetd', 'inetutils-telnetd', 'telnetd-ssl', 'telnet-server', 'krb5-telnetd'],
    severity: 'Critical',
    cceId: 'CCE-4330-7',
    ruleId: '6c716f88-a252-4fe9-9c5c-ba9236a80beb',
  },
  {
    id: 'rsh-server',
    what: 'A server of rsh, rlogin or rexec',
    packages: ['rsh-server', 'rsh-redone-server', 'inetutils-rshd', 'netkit-rsh-server'],
    severity: 'Critical',
    section: '2.1.6',
    cceId: 'CCE-4308-3',
    ruleId: 'b256491f-f804-4c44-bfa4-057dd2f44c30',
  },
  {
    id: 'nis',
    what: 'The NIS client',
    packages: ['nis', 'ypbind', 'ypbind-mt', 'yp-tools'],
    severity: 'Important',
    section: '2.3.1',
    cceId: 'CCE-4348-9',
    ruleId: '7da0b32e-ced5-42eb-aa1e-6df90281e59c',
  },
  {
    id: 'rsh-client',
    what: 'A client of rsh',
    packages: ['rsh-client', 'rsh-redone-client', 'inetutils-rsh', 'netkit-rsh-client'],
    severity: 'Important',
    section: '2.3.2',
    ruleId: '6d441f31-f888-4f4f-b1da-7cfc26263e3f',
  },
  {
    id: 'talk-client',
    what: 'A client of talk',
    packages: ['talk', 'inetutils-talk'],
    severity: 'Warning',
    section: '2.3.3',
    ruleId: '5133422e-990f-971e-661d-ccfc913c1d2c',
  },
  {
    id: 'telnet-client',
    what: 'A client of telnet',
    packages: ['telnet', 'inetutils-telnet', 'telnet-ssl', 'netkit-telnet'],
    severity: 'Warning',
    section: '2.3.4',
  },
  {
    id: 'ldap-client',
    what: 'The tools of LDAP',
    packages: ['ldap-utils', 'openldap-bin', 'openldap-clients'],
    severity: 'Informational',
    section: '2.3.5',
  },
  {
    id: 'tftpd',
    what: 'A TFTP server',
    packages: ['tftpd', 'tftpd-hpa', 'atftpd', 'tftp-hpa-server', 'inetutils-tftpd'],
    severity: 'Important',
    cceId: 'CCE-3916-4',
    ruleId: 'ae9ce111-ef4d-4d34-8f76-fdc38263f153',
  },
  {
    id: 'readahead',
    what: 'The package readahead-fedora',
    packages: ['readahead-fedora'],
    severity: 'Informational',
    cceId: 'CCE-4421-4',
    ruleId: 'dbae0d26-55e9-49d5-8782-86cb7412f99f',
  },
  {
    id: 'isdn',
    what: 'The package isdnutils-base',
    packages: ['isdnutils-base'],
    severity: 'Warning',
    cceId: 'CCE-14825-4',
    ruleId: '49e5cb77-6272-4323-9c19-01fca3e12b9a',
  },
  {
    id: 'dhcp-server',
    what: 'A DHCP server',
    packages: ['isc-dhcp-server', 'dhcp-server', 'kea-dhcp4-server'],
    severity: 'Important',
    cceId: 'CCE-4464-4',
    ruleId: '660fa012-ca99-4314-a2a8-11728020bac7',
  },
  {
    id: 'sendmail',
    what: 'The mail server sendmail',
    packages: ['sendmail', 'sendmail-bin'],
    severity: 'Important',
    cceId: 'CCE-14495-6',
    ruleId: '43356a32-24bb-401c-9746-a27b2be668fa',
  },
  {
    id: 'postfix',
    what: 'The mail server postfix',
    packages: ['postfix'],
    severity: 'Important',
    cceId: 'CCE-14068-1',
    ruleId: 'f56bf32f-528f-48b3-9f82-62f5ff4e9787',
  },
  {
    id: 'bind',
    what: 'The DNS server bind',
    packages: ['bind9', 'bind'],
    severity: 'Warning',
    cceId: 'CCE-4219-2',
    ruleId: '696f915a-2733-42cd-9496-135718280bb9',
  },
  {
    id: 'dovecot',
    what: 'The mail server dovecot',
    packages: ['dovecot-core', 'dovecot'],
    severity: 'Warning',
    cceId: 'CCE-4239-0',
    ruleId: '9bd9ffdf-9a4b-4aff-816a-f365c7e7046b',
  },
  {
    id: 'x-window',
    what: 'The X Window System',
    packages: ['xserver-xorg-core', 'xserver-xorg', 'xorg-server', 'xserver-common'],
    severity: 'Warning',
    section: '2.2.2',
  },
  {
    id: 'prelink',
    what: 'Prelink, which undoes random addresses,',
    packages: ['prelink'],
    severity: 'Warning',
    subject: 'kernel',
    section: '1.5.4',
    ruleId: 'cdee3703-321a-69c4-107f-e7b350a95e5a',
  },
  {
    id: 'debug-tools',
    what: 'A debugger, tracer or sniffer',
    packages: ['gdb', 'gdbserver', 'strace', 'ltrace', 'tcpdump', 'tshark', 'nmap', 'bpftrace'],
    severity: 'Informational',
    subject: 'debug',
  },
  {
    id: 'compiler',
    what: 'A compiler or assembler',
    packages: [
      'gcc',
      'g++',
      'clang',
      'tcc',
      'make',
      'build-essential',
      'packagegroup-core-buildessential',
    ],
    severity: 'Informational',
    subject: 'debug',
  },
];

const notInstalled = ({
  id,
  what,
  packages,
  subject = 'services',
  severity,
  ...ids
}: PackageRow): Check =>
  check({
    id: `package-${id}`,
    subject,
    title: `${what} is not installed`,
    severity,
    expected: `none of these packages: ${packages.join(', ')}`,
    remedy: `Where the device does not need it, remove it with the package manager, or take it out of the image.`,
    ...ids,
    needs: ['packages'],
    judge: ({ versions }) => failIf(listed(packages.filter((name) => versions.has(name)))),
  });

export const packageChecks: readonly Check[] = rows.map(notInstalled);
