import { describe, expect, it } from 'vitest';
import { logText, replayed } from '../../support/replayed.js';

const execve = (...argv: string[]): readonly [string, string] => [
  'type=SYSCALL msg=audit(1614592800.100:10): arch=c000003e syscall=59 success=yes exit=0 a0=1 items=2 ppid=10 pid=11 auid=1000 uid=1000 tty=pts1 ses=3 comm="id" exe="/usr/bin/id" key="x"',
  `type=EXECVE msg=audit(1614592800.100:10): argc=${argv.length} ${argv.map((a, i) => `a${i}="${a}"`).join(' ')}`,
];
const [call, argv] = execve('id', '-u');
const printed = (line: string) =>
  line.replace('type=SYSCALL msg=', 'type=1300 ').replace('type=EXECVE msg=', 'type=1309 ');
const lines = (change: (line: string) => string) => `${change(call)}\n${change(argv)}\n`;

describe('recorded logs in the forms of others', () => {
  it.each([
    [
      'calls-stamped-at-their-beginning.log',
      ['hostname in /root', 'date in /root', 'uname -a in /root'],
    ],
    ['program-beside-blocking-accept.log', ['In 192.0.2.9:50012', 'curl -o /tmp/x in /root']],
    ['node-name-with-blanks.log', ['id -u']],
    ['ausearch-text.log', ['/bin/echo aaaacccc end', 'Out 10.0.0.1:80']],
    ['syslog-plugin.log', ['id', 'id']],
    ['printed-by-kernels.log', ['id', 'id']],
    ['without-msg.log', ['id']],
    ['connect-riscv64.log', ['Out 10.0.0.1:80']],
    ['enriched.log', ['Out 10.0.0.1:80']],
    ['enriched-escaped-by-rsyslog.log', ['Out 10.0.0.1:80']],
  ])('%s', async (name, events) => {
    const { brief, warnings, payloads } = await replayed(logText(name));
    expect(brief).toEqual(events);
    expect(warnings).toEqual([]);
    expect(
      payloads.filter(({ ExtraDetails }) => ExtraDetails?.['WorkingDirectory'] !== undefined),
    ).toHaveLength(events.filter((event) => event.includes(' in /')).length);
  });

  it('ausearch: the command line of a connection, whose title comes before its call', async () => {
    const { payloads } = await replayed(logText('ausearch-text.log'));
    expect(payloads[1]).toMatchObject({
      CommandLine: 'nc 1 2',
      Executable: '/bin/nc',
      UserId: '1000',
    });
  });

  it.each(['', '#035', '\\x1d', '\\u001d', '\\035', '^]', '%1D', '\ufffd', '?', '\t', ' '])(
    'enriched records with %j instead of the separator of auditd',
    async (instead) => {
      const enriched = logText('enriched.log');
      const changed = await replayed(enriched.replaceAll('\u001d', instead));
      const right = await replayed(enriched);
      expect(changed.payloads).toEqual(right.payloads);
      expect(changed.payloads).toHaveLength(1);
      expect(changed.losses).toEqual({});
    },
  );

  it('takes nothing within quotes for what auditd added', async () => {
    const [, forged] = execve('x', '#035UID=mallory', 'ARCH=1', 'a\\x1dAUID=b');
    const { brief, payloads } = await replayed(`${call}#035ARCH=x86_64 UID="anna"\n${forged}\n`);
    expect(brief).toEqual(['x #035UID=mallory ARCH=1 a\\x1dAUID=b']);
    expect(payloads[0]).toMatchObject({ UserName: 'anna' });
  });

  it.each([
    ['RFC 3164', (line: string) => `<14>Nov 28 10:00:00 gw audispd: node=gw ${line}`],
    ['RFC 3164 of rsyslog', (line: string) => `Nov 28 10:00:00 gw tag_audit_log: ${line}`],
    [
      'RFC 5424',
      (line: string) => `<14>1 2026-11-28T10:00:00.123456Z gw audisp-syslog 12 - - ${line}`,
    ],
    [
      'time of RFC 3339',
      (line: string) => `2026-11-28T10:00:00+01:00 gw audisp-syslog[77]: ${line}`,
    ],
    [
      'the kernel in syslog',
      (line: string) => `Nov 28 10:00:00 gw kernel: [   12.345678] audit: ${printed(line)}`,
    ],
    [
      'the kernel in the journal',
      (line: string) => `Nov 28 10:00:00 gw kernel: audit: ${printed(line)}`,
    ],
    [
      'BusyBox',
      (line: string) =>
        `Jan  1 00:00:07 (none) kern.notice kernel: [    7.1] audit: ${printed(line)}`.replace(
          '7.1]',
          '7.100000]',
        ),
    ],
    ['dmesg', (line: string) => `[   12.345678] ${printed(line)}`],
    ['dmesg -T', (line: string) => `[Mon Mar  1 10:00:00 2021] audit: ${printed(line)}`],
    [
      'printk with its caller',
      (line: string) => `<5>[   12.345678][    T1] audit: ${printed(line)}`,
    ],
    ['dmesg -x', (line: string) => `kern  :notice: [   12.345678] audit: ${printed(line)}`],
    ['dmesg -H, first', (line: string) => `[Mar 1 10:00] audit: ${printed(line)}`],
    ['dmesg -H', (line: string) => `[  +0.000012] audit: ${printed(line)}`],
    [
      'dmesg --time-format iso',
      (line: string) => `2021-03-01T10:00:00,123456+00:00 audit: ${printed(line)}`,
    ],
    ['/dev/kmsg', (line: string) => `5,339,5140900,-;audit: ${printed(line)}`],
    ['the console', (line: string) => `audit: ${printed(line)}`],
    [
      'numbers for names',
      (line: string) => line.replace('SYSCALL', '1300').replace('EXECVE', 'UNKNOWN[1309]'),
    ],
    ['CRLF', (line: string) => `${line}\r`],
    ['escaped line ends', (line: string) => `${line}#015`],
    ['a byte order mark', (line: string) => `\ufeff${line}`],
    ['zeros before', (line: string) => `\0\0\0${line}`],
    ['a node', (line: string) => `node=gw.example.org ${line}`],
    ['ausearch', (line: string) => `----\ntime->Mon Mar  1 10:00:00 2021\n${line}`],
    [
      'Filebeat',
      (line: string) => JSON.stringify({ '@timestamp': 'x', host: { name: 'gw' }, message: line }),
    ],
    ['Docker', (line: string) => JSON.stringify({ log: `${line}\n`, stream: 'stdout', time: 'x' })],
    [
      'Fluentd',
      (line: string) =>
        `2026-11-28T10:00:00+00:00\taudit.log\t${JSON.stringify({ message: line })}`,
    ],
    ['nested', (line: string) => JSON.stringify({ event: { original: line } })],
    [
      'Elasticsearch',
      (line: string) => JSON.stringify({ _index: 'a', _source: { message: line } }),
    ],
    ['Splunk', (line: string) => JSON.stringify({ preview: false, result: { _raw: line } })],
    ['Graylog', (line: string) => JSON.stringify({ version: '1.1', full_message: line })],
    ['OpenTelemetry', (line: string) => JSON.stringify({ severity: 'INFO', body: line })],
    ['an array of JSON', (line: string) => `[\n${JSON.stringify({ message: line })},\n]`],
    ['an array in one line', (line: string) => `[${JSON.stringify({ message: line })}]`],
    ['wrapped twice', (line: string) => JSON.stringify({ log: JSON.stringify({ message: line }) })],
    [
      'syslog in JSON',
      (line: string) => JSON.stringify({ MESSAGE: `<14>Nov 28 10:00:00 gw audispd: ${line}` }),
    ],
  ])('reads records of %s', async (_form, change) => {
    const { brief, warnings } = await replayed(lines(change));
    expect(warnings).toEqual([]);
    expect(brief).toEqual(['id -u']);
  });

  it('reads the fields of journalctl -o json', async () => {
    const fields = {
      _HOSTNAME: 'gw',
      _AUDIT_ID: '10',
      _SOURCE_REALTIME_TIMESTAMP: '1614592800100000',
    };
    const body = (line: string) => line.slice(line.indexOf('): ') + 3);
    const { brief, events, warnings } = await replayed(
      [
        JSON.stringify({ ...fields, _AUDIT_TYPE: '1300', MESSAGE: `SYSCALL ${body(call)}` }),
        JSON.stringify({
          ...fields,
          _AUDIT_TYPE: '1309',
          MESSAGE: [...Buffer.from(`EXECVE ${body(argv)}`)],
        }),
        JSON.stringify({ ...fields, _AUDIT_TYPE: '1327', MESSAGE: 'PROCTITLE proctitle="id"' }),
      ].join('\n'),
    );
    expect([brief, warnings]).toEqual([['id -u'], []]);
    expect(events[0]?.TimestampUTC).toBe('2021-03-01T10:00:00.100Z');
  });

  it.each([
    [
      'type=SYSCALL msg=audit(03/01/2021 10:00:00.100:10) : arch=x86_64 syscall=execve success=yes exit=0',
      /ausearch -i.*ausearch --raw/u,
    ],
    ['Nov 28 10:00:00 gw audit[123]: SYSCALL arch=c000003e syscall=59', /journalctl -o json/u],
    ['Nov 28 10:00:00 gw audit: AUDIT1327 proctitle="id"', /journalctl -o json/u],
    ['type=SYSCALL msg=audit(1614592800.1', /time and serial number/u],
  ])('says of %s why it cannot be used', async (line, why) => {
    const { warnings, payloads } = await replayed(`${line}\n`);
    expect(payloads).toEqual([]);
    expect(warnings[0]).toMatch(why);
  });

  it('believes no record that stands within the message of another program', async () => {
    const { payloads } = await replayed(
      lines((line) => `Nov 28 10:00:00 gw sshd[7]: Invalid user audit: ${line} from 192.0.2.1`) +
        lines((line) => `Nov 28 10:00:00 gw sshd[7]: Invalid user x ${line}`),
    );
    expect(payloads).toEqual([]);
  });

  it('keeps devices apart that only syslog names', async () => {
    const { brief } = await replayed(
      [call, argv]
        .flatMap((line) =>
          ['a', 'b'].map((host) => `Nov 28 10:00:00 gate-${host} audispd: ${line}`),
        )
        .map((line) => line.replace('"-u"', line.includes('gate-a') ? '"-a"' : '"-b"'))
        .join('\n'),
    );
    expect(brief).toEqual(['id -a', 'id -b']);
  });
});
