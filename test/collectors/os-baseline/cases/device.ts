import { parseCommandLine } from '../../../../collectors/os-baseline/facts/command-line.js';
import type { FileState } from '../../../../collectors/os-baseline/facts/host-files.js';
import { mountsOf, parseMountInfo } from '../../../../collectors/os-baseline/facts/mounts.js';
import { type CheckCases, type Given, none } from '../judged.js';
import { processOf, unitsOf } from './services.js';

const file = (mode: number, uid = 0, gid = 0, kind: FileState['kind'] = 'file'): FileState => ({
  kind,
  mode,
  uid,
  gid,
  sizeBytes: 100,
});
const groups = [
  { name: 'root', gid: 0, members: [] },
  { name: 'adm', gid: 4, members: [] },
  { name: 'docker', gid: 110, members: ['anna', 'otto'] },
  { name: 'containerd', gid: 111, members: [] },
  { name: 'podman', gid: 112, members: [] },
];
const map = (entries: Readonly<Record<string, string>>) => new Map(Object.entries(entries));
const words = (text: string) => parseCommandLine(text);
const nowMs = Date.parse('2026-11-28T12:00:00Z');
const dayMs = 86_400_000;

const chain = (table: string, policy: string, more: object = {}) => ({
  table,
  name: 'input',
  base: { hook: 'input', type: 'filter', policy },
  enabled: true,
  rules: [],
  leadsTo: new Set(),
  ...more,
});
const last = (kind: string, details: object = {}) => ({
  rules: [[{ verdict: { kind }, fields: {}, details }]],
});
const wall = (...chains: object[]): Given => [{ chains, hasIpv6: true }];
const letIn = 'what no rule speaks of is let in';

const network: Readonly<Record<string, CheckCases>> = {
  'firewall-default-deny': {
    pass: [
      wall(chain('inet filter', 'drop')),
      wall(chain('ip filter', 'accept', last('deny'))),
      wall(chain('inet a', 'accept'), chain('ip b', 'drop')),
    ],
    fail: [
      [wall(), 'nothing filters what comes in'],
      [wall(chain('ip6 filter', 'drop')), 'nothing filters what comes in'],
      [wall(chain('inet f', 'drop', { enabled: false })), 'nothing filters what comes in'],
      [wall(chain('ip filter', 'accept')), letIn],
      [wall(chain('ip filter', 'accept', last('deny', { State: 'invalid' }))), letIn],
      [wall(chain('ip filter', 'accept', last('accept'))), letIn],
    ],
  },
  'firewall-default-deny-v6': {
    pass: [wall(chain('inet filter', 'drop')), wall(chain('ip6 filter', 'drop'))],
    fail: [
      [wall(chain('ip filter', 'drop')), 'nothing filters what comes in'],
      [wall(chain('ip6 filter', 'accept')), letIn],
    ],
    notApplicable: [[{ chains: [], hasIpv6: false }]],
  },
  'wireless-off': {
    pass: [
      [[{ name: 'eth0', up: true, wireless: false, sniffing: false }]],
      [[{ name: 'wlan0', up: false, wireless: true, sniffing: false }]],
    ],
    fail: [[[[{ name: 'wlan0', up: true, wireless: true, sniffing: false }]], 'wlan0']],
  },
  'no-sniffing': {
    pass: [[[{ name: 'eth0', up: true, wireless: false, sniffing: false }]]],
    fail: [[[[{ name: 'eth0', up: true, wireless: false, sniffing: true }]], 'eth0']],
  },
  'ipv6-as-configured': {
    pass: [
      ['1', ''],
      ['0', 'fe800000000000000000000000000001 02 40 20 80     eth0\n'],
    ],
    fail: [[['1', 'fe800000000000000000000000000001 02 40 20 80     eth0\n'], 'eth0']],
  },
  ...Object.fromEntries(
    [
      ['hosts-equiv', '/etc/hosts.equiv'],
      ['shosts-equiv', '/etc/ssh/shosts.equiv'],
      ['root-rhosts', '/root/.rhosts'],
    ].map(([id = '', path = '']) => [
      `trusts-no-host-${id}`,
      {
        pass: [[none], [''], ['# nobody\n\n']],
        fail: [[['# all\n+ +\n'], `${path} names hosts`]],
      } satisfies CheckCases,
    ]),
  ),
  ...Object.fromEntries(
    ['hosts', 'resolv-conf', 'nsswitch-conf'].map((name) => [
      `network-etc-${name}`,
      {
        pass: [[file(0o644)], [file(0o644, 101)]],
        fail: [[[file(0o666)], 'mode 0666']],
      } satisfies CheckCases,
    ]),
  ),
};

const log = (path: string, mode: number, gid = 4) => ({ path, state: file(mode, 0, gid) });
const idle = unitsOf({});
const rsyslog = unitsOf({ 'rsyslog.service': { enabled: true } });

const logging: Readonly<Record<string, CheckCases>> = {
  'time-synchronized': {
    pass: [
      [unitsOf({ 'systemd-timesyncd.service': { enabled: true } }), []],
      [unitsOf({ 'chrony.service': { active: true } }), []],
      [idle, [processOf('ntpd')]],
    ],
    fail: [
      [[idle, [processOf('sshd')]], 'nothing that sets the clock is enabled or runs'],
      [
        [unitsOf({ 'systemd-timesyncd.service': { enabled: true, masked: true } }), []],
        'nothing that sets the clock is enabled or runs',
      ],
    ],
  },
  'log-service': {
    pass: [
      [rsyslog, []],
      [unitsOf({ 'systemd-journald.service': {} }), []],
      [idle, [processOf('syslogd')]],
    ],
    fail: [[[idle, []], 'nothing takes them']],
  },
  'journal-persistent': {
    pass: [
      [map({ Storage: 'persistent' }), none],
      [map({}), file(0o2755, 0, 0, 'directory')],
    ],
    fail: [
      [[map({}), none], 'there is no /var/log/journal'],
      [[map({ Storage: 'volatile' }), file(0o2755)], 'Storage=volatile'],
    ],
  },
  'journal-compressed': {
    pass: [[map({})], [map({ Compress: '1M' })], [map({ Compress: 'yes' })]],
    fail: [[[map({ Compress: 'no' })], 'Compress=no']],
  },
  'journal-forwarded': {
    pass: [
      [map({}), rsyslog, none],
      [map({ ForwardToSyslog: 'no' }), rsyslog, 'module(load="imjournal")'],
    ],
    fail: [[[map({ ForwardToSyslog: 'no' }), rsyslog, ''], 'ForwardToSyslog=no']],
    notApplicable: [[map({ ForwardToSyslog: 'no' }), idle, none]],
  },
  'journal-not-on-console': {
    pass: [[map({})], [map({ ForwardToConsole: 'no' })]],
    fail: [[[map({ ForwardToConsole: 'yes' })], 'ForwardToConsole=yes']],
  },
  'log-files-mode': {
    pass: [[[log('/var/log/syslog', 0o640), log('/var/log/wtmp', 0o664)]]],
    fail: [
      [
        [[log('/var/log/syslog.1', 0o644), log('/var/log/auth.log', 0o600)]],
        '/var/log/syslog.1 (0644)',
      ],
    ],
  },
  'log-files-group': {
    pass: [[[log('/var/log/messages', 0o640), log('/var/log/wtmp', 0o664, 43)], groups]],
    fail: [[[[log('/var/log/messages', 0o640, 1000)], groups], '/var/log/messages (group 1000)']],
  },
  'log-files-not-writable': {
    pass: [[[log('/var/log/wtmp', 0o664)]]],
    fail: [[[[log('/var/log/app.log', 0o666)]], '/var/log/app.log']],
  },
  'log-directory': {
    pass: [[file(0o755)], [file(0o2775, 0, 4)]],
    fail: [
      [[file(0o777)], 'mode 0777'],
      [[file(0o755, 5)], 'owned by user 5'],
    ],
  },
  'rsyslog-configuration': {
    pass: [[file(0o644)], [file(0o640)]],
    fail: [[[file(0o664)], 'mode 0664']],
  },
  'rsyslog-local': {
    pass: [['module(load="imuxsock")\n#input(type="imudp" port="514")\n#$UDPServerRun 514\n']],
    fail: [
      [['module(load="imudp")\ninput(type="imudp" port="514")\n'], 'input(type="imudp"'],
      [['$InputTCPServerRun 514\n'], '$InputTCPServerRun'],
    ],
  },
  'logs-rotated': {
    pass: [
      [rsyslog, file(0o755)],
      [unitsOf({ 'logrotate.timer': { enabled: true } }), none],
    ],
    fail: [[[rsyslog, none], 'nothing rotates what rsyslog.service writes']],
    notApplicable: [[idle, none]],
  },
  'audit-available': {
    pass: [[words('quiet audit=1'), file(0o644)]],
    fail: [
      [[words('audit=0'), file(0o644)], 'audit=0 on the command line'],
      [[words('quiet'), none], 'the kernel has no audit of system calls'],
    ],
  },
  'audit-from-boot': {
    pass: [[words('audit=1'), file(0o644)]],
    fail: [[[words('quiet'), file(0o644)], 'no audit=1']],
  },
  'audit-backlog': {
    pass: [[words('audit_backlog_limit=8192'), file(0o644)]],
    fail: [
      [[words('audit=1'), file(0o644)], 'no audit_backlog_limit, which is 64 then'],
      [[words('audit_backlog_limit=64'), file(0o644)], 'audit_backlog_limit=64'],
    ],
  },
};

const allow = (name: string): CheckCases => ({
  pass: [
    [file(0o755), file(0o640, 0, 109)],
    [file(0o755), file(0o600)],
  ],
  fail: [
    [[file(0o755), none], `there is no /etc/${name}.allow`],
    [[file(0o755), file(0o644)], 'mode 0644'],
  ],
});
const jobs: Readonly<Record<string, CheckCases>> = {
  'cron-runs': {
    pass: [
      [unitsOf({ 'cron.service': { enabled: true } }), []],
      [idle, [processOf('crond')]],
    ],
    fail: [
      [[unitsOf({ 'cron.service': {} }), []], 'cron.service is not enabled and does not run'],
    ],
    notApplicable: [[idle, []]],
  },
  'cron-restricted': allow('cron'),
  'at-restricted': allow('at'),
  'crontabs-hidden': {
    pass: [[file(0o1730, 0, 109)], [file(0o700)]],
    fail: [[[file(0o755)], 'mode 0755']],
  },
};

const source = (uri: string, options: Readonly<Record<string, string>> = {}) => [
  [{ file: '/etc/apt/sources.list', uri, options: map(options) }],
];
const at = (path: string, days: number): Given => [
  { files: [{ path, expiresMs: nowMs + days * dayMs }], nowMs },
];
const key = (mode: number): Given => [{ files: [{ path: '/etc/ssl/a.key', key: file(mode) }], nowMs }];
const release = (entries: Readonly<Record<string, string>>): Given => [
  { fields: map(entries), nowMs },
];

const updates: Readonly<Record<string, CheckCases>> = {
  'distribution-supported': {
    pass: [
      release({ ID: 'debian', VERSION_ID: '12' }),
      release({ ID: 'fedora', SUPPORT_END: '2026-11-28' }),
    ],
    fail: [
      [release({ ID: 'debian', VERSION_ID: '11' }), 'its support ended on 2026-08-31'],
      [release({ ID: 'raspbian', VERSION_ID: '10' }), 'its support ended on 2024-06-30'],
      [release({ ID: 'x', SUPPORT_END: '2026-11-27' }), 'its support ended on 2026-11-27'],
    ],
    notApplicable: [release({ ID: 'poky', VERSION_ID: '5.0' }), release({ SUPPORT_END: 'soon' })],
  },
  'apt-trusted': {
    pass: [source('https://deb.example/'), source('https://deb.example/', { trusted: 'no' })],
    fail: [
      [
        source('https://user:secret@deb.example/', { trusted: 'yes' }),
        'https://deb.example/ in /etc/apt/sources.list',
      ],
    ],
  },
  'apt-insecure-sources': {
    pass: [source('https://deb.example/')],
    fail: [
      [
        source('http://deb.example/', { 'allow-insecure': 'yes' }),
        'http://deb.example/ in /etc/apt/sources.list',
      ],
    ],
  },
  'apt-unauthenticated': {
    pass: [[map({})], [map({ 'apt::get::allowunauthenticated': 'false' })]],
    fail: [
      [[map({ 'apt::get::allowunauthenticated': 'true' })], 'APT::Get::AllowUnauthenticated'],
    ],
  },
  'apt-verify-peer': {
    pass: [[map({ 'acquire::https::verify-peer': 'true' })]],
    fail: [[[map({ 'acquire::https::verify-peer': 'false' })], 'acquire::https::verify-peer']],
  },
  'apt-clear-text': {
    pass: [source('https://deb.example/'), source('cdrom:[x]/')],
    fail: [[source('http://deb.example/'), 'http://deb.example/ in /etc/apt/sources.list']],
  },
  'updates-automatic': {
    pass: [
      [unitsOf({ 'swupdate.service': { enabled: true } }), [], none],
      [idle, [processOf('swupdate')], none],
      [
        unitsOf({ 'apt-daily-upgrade.timer': { enabled: true } }),
        [],
        map({ 'apt::periodic::unattended-upgrade': '1' }),
      ],
    ],
    fail: [
      [[idle, [], none], 'nothing that updates the device is enabled or runs'],
      [
        [
          unitsOf({ 'apt-daily-upgrade.timer': { masked: true } }),
          [],
          map({ 'apt::periodic::unattended-upgrade': '1' }),
        ],
        'apt-daily-upgrade.timer is not enabled',
      ],
    ],
  },
  'reboot-not-pending': {
    pass: [[none]],
    fail: [[[file(0o644)], '/run/reboot-required']],
  },
  'certificates-valid': {
    pass: [at('/etc/ssl/a.pem', 1), [{ files: [], nowMs }]],
    fail: [[at('/etc/ssl/a.pem', -1), '/etc/ssl/a.pem (2026-11-27)']],
  },
  'certificates-lasting': {
    pass: [at('/etc/ssl/a.pem', 31), at('/etc/ssl/a.pem', -1)],
    fail: [[at('/etc/ssl/a.pem', 2), '/etc/ssl/a.pem (2026-11-30)']],
  },
  'private-keys-hidden': {
    pass: [key(0o600), key(0o640)],
    fail: [
      [key(0o644), '/etc/ssl/a.key (0644)'],
      [key(0o660), '/etc/ssl/a.key (0660)'],
    ],
  },
};

const logsIn = { where: '/etc/inittab', what: 'logs somebody in' };
const shell = { where: '/etc/inittab', what: 'starts a shell' };
const mounted = (line: string): Given => [mountsOf(parseMountInfo(line))];

const debug: Readonly<Record<string, CheckCases>> = {
  'console-login': {
    pass: [[[shell], [processOf('agetty', { args: ['/sbin/agetty', '-o', '-p', 'tty1'] })]]],
    fail: [
      [[[logsIn, logsIn], []], '/etc/inittab'],
      [[[], [processOf('agetty', { args: ['agetty', '--autologin', 'root'] })]], 'agetty (300)'],
    ],
  },
  'console-shell': { pass: [[[]], [[logsIn]]], fail: [[[[shell]], '/etc/inittab']] },
  'serial-console': {
    pass: [[words('console=tty1 quiet')]],
    fail: [
      [[words('console=tty1 console=ttyAMA0,115200')], 'ttyAMA0,115200'],
      [[words('earlycon')], 'earlycon'],
    ],
  },
  'kernel-debugger': {
    pass: [
      [words('quiet'), none],
      [words('quiet'), '\n'],
    ],
    fail: [
      [[words('kgdboc=ttyS0'), none], 'kgdboc=ttyS0'],
      [[words(''), 'ttyS0\n'], 'kgdboc = ttyS0'],
    ],
  },
  debugfs: {
    pass: [mounted('24 1 0:7 / /sys/kernel/tracing rw - tracefs tracefs rw')],
    fail: [
      [mounted('24 1 0:7 / /sys/kernel/debug rw - debugfs debugfs rw'), '/sys/kernel/debug'],
    ],
  },
  'memory-strict': {
    pass: [[words('quiet')]],
    fail: [[[words('iomem=relaxed')], 'iomem=relaxed']],
  },
  'core-dumps': {
    pass: [
      ['|/bin/false', none, none],
      ['|/usr/lib/systemd/systemd-coredump %P', map({ Storage: 'none' }), none],
      ['core', none, '* soft core 0\n* hard core 0 # none\n'],
    ],
    fail: [
      [['|/usr/lib/systemd/systemd-coredump %P', map({}), none], 'Storage=external'],
      [['|/usr/share/apport/apport', none, none], 'a program takes them'],
      [['core', none, '#* hard core 0\n'], 'no limit of their size for all users'],
    ],
  },
  'usb-gadget': {
    pass: [[['mass_storage.0', 'ecm.usb0']]],
    fail: [[[['acm.GS0', 'ecm.usb0', 'ffs.adb']], 'acm.GS0, ffs.adb']],
  },
};

const socket = (group: number): CheckCases => ({
  pass: [
    [file(0o660, 0, group, 'socket'), groups],
    [file(0o600, 0, 7, 'socket'), none],
  ],
  fail: [
    [[file(0o666, 0, group, 'socket'), groups], 'mode 0666'],
    [[file(0o660, 0, 1000, 'socket'), groups], 'group 1000'],
    [[file(0o660, 1000, 0, 'socket'), groups], 'owned by user 1000'],
  ],
});
const daemon = (...args: string[]) => processOf('dockerd', { args: ['dockerd', ...args] });
const inside = (more: object) => [
  [
    processOf('sh', {
      contained: { first: true, allCapabilities: false, ownUsers: false, hostNetwork: false, ...more },
    }),
  ],
];

const containers: Readonly<Record<string, CheckCases>> = {
  'container-socket-docker': socket(110),
  'container-socket-containerd': socket(111),
  'container-socket-podman': socket(112),
  'docker-group': {
    pass: [[[{ name: 'docker', gid: 110, members: [] }]]],
    fail: [[[groups], 'anna, otto']],
    notApplicable: [[[]]],
  },
  'docker-tls': {
    pass: [
      ['{"hosts": ["unix:///run/docker.sock"]}', []],
      ['{"hosts": ["tcp://0.0.0.0:2376"], "tlsverify": true}', []],
      [none, [daemon('-H', 'fd://')]],
    ],
    fail: [
      [['{"hosts": ["tcp://0.0.0.0:2375"]}', []], 'tcp://0.0.0.0:2375'],
      [[none, [daemon('--host=tcp://[::]:2375')]], 'tcp://[::]:2375'],
    ],
    notApplicable: [[none, []]],
    error: [['{', []]],
  },
  'docker-user-namespaces': {
    pass: [
      ['{"userns-remap": "default"}', [daemon()]],
      [none, [daemon('--userns-remap=default')]],
    ],
    fail: [[[none, [daemon()]], 'no userns-remap']],
    notApplicable: [[none, []]],
    error: [['[]', [daemon()]]],
  },
  'docker-registries': {
    pass: [['{}', []]],
    fail: [[['{"insecure-registries": ["a:5000"]}', []], '1 insecure registries']],
    notApplicable: [[none, []]],
    error: [['no', []]],
  },
  'containers-unprivileged': {
    pass: [inside({}), inside({ allCapabilities: true, ownUsers: true })],
    fail: [[inside({ allCapabilities: true }), 'sh (300)']],
    notApplicable: [[[processOf('sh')]], inside({ first: false })],
    error: [inside({ allCapabilities: true, ownUsers: undefined })],
  },
  'containers-own-network': {
    pass: [inside({})],
    fail: [[inside({ hostNetwork: true }), 'sh (300)']],
    notApplicable: [[[processOf('sh')]]],
    error: [inside({ hostNetwork: undefined })],
  },
};

export const deviceCases: Readonly<Record<string, CheckCases>> = {
  ...network,
  ...logging,
  ...jobs,
  ...updates,
  ...debug,
  ...containers,
};
