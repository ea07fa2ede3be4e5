import { describe, expect, it } from 'vitest';
import type { ReceivedMessage } from '../../../local-hub/hub/received-message.js';
import { LiveView } from '../../../local-hub/live-view/live-view.js';

const at = new Date(2030, 0, 1, 12, 30, 59);

function received(
  events: readonly object[],
  change: Partial<ReceivedMessage> = {},
): ReceivedMessage {
  return {
    deviceId: 'device-1',
    body: '',
    json: { Events: events },
    properties: { MessagePriority: 'Low' },
    systemProperties: {},
    sizeBytes: 4097,
    receivedAt: at,
    problems: [],
    ...change,
  };
}

const eventAt = (time: Date, Name: string, ...Payload: object[]): object => ({
  Name,
  TimestampUTC: time.toISOString(),
  Payload,
});
const event = (name: string, ...payloads: object[]): object => eventAt(at, name, ...payloads);

/** The texts of the lines without the times, and without the line of the message. */
const texts = (view: LiveView, ...events: object[]): readonly string[] =>
  view
    .message(received(events))
    .slice(0, -1)
    .map((line) => line.slice(10));

const started = (CommandLine: string, change: object = {}, hits?: number): object => ({
  CommandLine,
  Executable: '/usr/bin/id',
  UserId: '0',
  UserName: 'root',
  ProcessId: hits === undefined ? 12 : 0,
  ...(hits !== undefined && { ExtraDetails: { HitCount: String(hits) } }),
  ...change,
});

describe('the live view of messages', () => {
  it('shows each payload on a line, aggregates with their count and without a process id', () => {
    const view = new LiveView();
    const lines = view.message(
      received([
        event('ProcessCreate', started('id -u', {}, 3)),
        event('Other', { Enabled: true, Name: 'x', ExtraDetails: { a: 'b' } }),
        event('Other'),
      ]),
    );
    expect(lines).toEqual([
      '12:30:59  Other            (looked, and found nothing)',
      '12:30:59  ProcessCreate    id -u   (3 times, /usr/bin/id, user root)',
      '12:30:59  Other            Enabled=true Name=x',
      '12:30:59    message        3 events, 4097 bytes = 2 × 4 KB, priority Low, valid',
    ]);
  });

  it('tells of a started program what is known', () => {
    const unknown = { CommandLine: '', Executable: '', UserId: '', ProcessId: 7 };
    const nameOnly = {
      ...unknown,
      Executable: 'grep',
      ExtraDetails: { CommandLineKnown: 'false' },
    };
    const path = started('/usr/bin/id -u', { UserName: undefined });
    expect(texts(new LiveView(), event('ProcessCreate', unknown, nameOnly, path))).toEqual([
      'ProcessCreate    a program   (which one is not known, user not known, pid 7)',
      'ProcessCreate    grep   (user not known, arguments not known, pid 7)',
      'ProcessCreate    /usr/bin/id -u   (user 0, pid 12)',
    ]);
  });

  it('tells how programs ended', () => {
    const ended = (Executable: string, ExitStatus: number, ExtraDetails: object = {}) => ({
      Executable,
      ExitStatus,
      ProcessId: 7,
      ExtraDetails,
    });
    expect(
      texts(
        new LiveView(),
        event(
          'ProcessTerminate',
          ended('/usr/bin/curl', 6),
          ended('/usr/bin/sleep', 137, { Signal: 'SIGKILL' }),
          ended('', 0, { ExecutableKnown: 'false' }),
        ),
      ),
    ).toEqual([
      'ProcessTerminate curl ended with status 6   (/usr/bin/curl, pid 7)',
      'ProcessTerminate sleep was ended by SIGKILL   (/usr/bin/sleep, pid 7)',
      'ProcessTerminate a program ended with status 0   (which one is not known, pid 7)',
    ]);
  });

  it('tells connections with both ends, and the process as far as it is known', () => {
    const out = {
      Protocol: 'tcp',
      Direction: 'Out',
      LocalAddress: '10.0.0.5',
      LocalPort: '44312',
      RemoteAddress: '93.184.216.34',
      RemotePort: '443',
      ProcessId: 9,
      Executable: '/usr/bin/curl',
    };
    const accepted = {
      Protocol: 'tcp6',
      Direction: 'In',
      LocalAddress: '2001:db8::1',
      LocalPort: '22',
      RemoteAddress: '2001:db8::2',
      RemotePort: '0',
      ProcessId: 0,
      Executable: '/usr/sbin/sshd',
      ExtraDetails: { HitCount: '4', ProcessRole: 'listener' },
    };
    const unknown = {
      Protocol: 'udp',
      Direction: 'Out',
      RemoteAddress: '192.0.2.53',
      RemotePort: '53',
      ProcessId: 0,
      Executable: '',
      ExtraDetails: { ProcessKnown: 'false', ProtocolKnown: 'false', EstablishedKnown: 'false' },
    };
    expect(texts(new LiveView(), event('ConnectionCreate', out, accepted, unknown))).toEqual([
      'ConnectionCreate out tcp 10.0.0.5:44312 → 93.184.216.34:443   (curl, pid 9)',
      'ConnectionCreate in tcp6 [2001:db8::1]:22 ← [2001:db8::2]   (4 times, sshd, which listens there)',
      'ConnectionCreate out udp → 192.0.2.53:53   (process not known, may have failed, tcp or udp)',
    ]);
  });

  it('tells logins, refusals and logouts', () => {
    const ssh = { Executable: '/usr/sbin/sshd', Operation: 'login', ProcessId: 5 };
    const anna = { UserName: 'anna', UserId: '1000', RemoteAddress: '192.0.2.7' };
    const su = { Executable: '/usr/bin/su', Operation: 'PAM:authentication', ProcessId: 6 };
    expect(
      texts(
        new LiveView(),
        event('Login', { ...ssh, ...anna, Result: 'Success', ExtraDetails: { Refusals: '2' } }),
        event('Login', {
          ...ssh,
          UserName: '(unknown user)',
          RemoteAddress: '2001:db8::9',
          RemotePort: '4711',
          Result: 'Fail',
          ExtraDetails: { Terminal: 'ssh', Refusals: '3' },
        }),
        event('Login', {
          ...su,
          UserId: '0',
          Result: 'Success',
          ExtraDetails: { Terminal: 'pts/1', CallerUserId: '1000' },
        }),
        event('Login', {
          ...ssh,
          ...anna,
          Operation: 'logout',
          Result: 'Success',
          ExtraDetails: { SessionSeconds: '25' },
        }),
      ),
    ).toEqual([
      'Login            anna from 192.0.2.7 with sshd: success   (login, 2 refusals before, pid 5)',
      'Login            (unknown user) from [2001:db8::9]:4711 on ssh with sshd: failure   (login, 3 refusals in all, pid 5)',
      'Login            user 0 on pts/1 with su: success   (PAM:authentication, asked by user 1000, pid 6)',
      'Login            anna from 192.0.2.7 with sshd: logged out after 25 s   (pid 5)',
    ]);
  });

  it('tells of the agent itself in sentences', () => {
    expect(
      texts(
        new LiveView(),
        event(
          'DroppedEventsStatistics',
          { Queue: 'High', CollectedEvents: 4, DroppedEvents: 0 },
          {
            Queue: 'Low',
            CollectedEvents: 11,
            DroppedEvents: 2,
            ExtraDetails: { spoolFull: '2', 'ProcessCreate.hashSkipped': '6' },
          },
        ),
        event('MessageStatistics', { MessagesSent: 3, MessagesUnder4KB: 2, TotalFailed: 0 }),
        event('ConfigurationError', {
          ConfigurationName: 'snapshotFrequency',
          ErrorType: 'TypeMismatch',
          UsedConfiguration: 'PT13H',
          Message: '"soon" is no duration.',
        }),
        event('Diagnostic', { Severity: 'Warning', Message: 'The disk is full.', ProcessId: 1 }),
      ),
    ).toEqual([
      'DroppedEventsStatistics High: 4 events collected, 0 dropped',
      'DroppedEventsStatistics Low: 11 events collected, 2 dropped; 2 × spoolFull; 6 × ProcessCreate.hashSkipped',
      'MessageStatistics 3 messages sent, 2 of them under 4 KB, 0 attempts failed',
      'ConfigurationError snapshotFrequency: "soon" is no duration.   (PT13H is in force)',
      'Diagnostic       Warning: The disk is full.   (pid 1)',
    ]);
  });

  it('puts what happened in the order of time, of aggregates the first time that they count', () => {
    const first = (seconds: number) => ({
      ExtraDetails: {
        HitCount: '1',
        FirstSeenUtc: new Date(2030, 0, 1, 12, 0, seconds).toISOString(),
      },
    });
    const lines = new LiveView().message(
      received([
        event('ProcessCreate', started('second', first(2)), started('first', first(1))),
        event('ProcessTerminate', { Executable: '/bin/first', ExitStatus: 0, ...first(1) }),
      ]),
    );
    expect(lines.slice(0, -1)).toEqual([
      '12:00:01  ProcessCreate    first   (/usr/bin/id, user root, pid 12)',
      '12:00:01  ProcessTerminate first ended with status 0   (/bin/first)',
      '12:00:02  ProcessCreate    second   (/usr/bin/id, user root, pid 12)',
    ]);
  });

  it('folds what is the same but for its number, within a message', () => {
    const tick = (hits: number) => event('ProcessCreate', started('tick', {}, hits));
    expect(
      texts(new LiveView(), tick(2), tick(1), event('ProcessCreate', started('tick'))),
    ).toEqual(['ProcessCreate    tick   (4 times, /usr/bin/id, user root)']);
  });

  it('folds what differs only in numbers, and packages that were there before, and says so', () => {
    const two = [started('ping 10.0.0.1'), started('ping 10.0.0.2', {}, 4)];
    expect(texts(new LiveView(), event('ProcessCreate', ...two))).toEqual([
      'ProcessCreate    ping 10.0.0.1   (/usr/bin/id, user root, pid 12)',
      'ProcessCreate    ping 10.0.0.2   (4 times, /usr/bin/id, user root)',
    ]);
    expect(
      texts(new LiveView(), event('ProcessCreate', ...two, started('ping 10.0.0.30'))),
    ).toEqual([
      'ProcessCreate    ping 10.0.0.1   (6 times, with 2 more like it, /usr/bin/id, user root)',
    ]);
    const packages = (Change: string) =>
      ['adduser', 'apt', 'bash'].map((Name) => ({
        Name,
        Version: '1.0',
        Change,
        PackageManager: 'dpkg',
      }));
    expect(texts(new LiveView(), event('SoftwareInventory', ...packages('Present')))).toEqual([
      'SoftwareInventory adduser 1.0 present   (with 2 more like it, dpkg)',
    ]);
    expect(
      texts(new LiveView(), event('SoftwareInventory', ...packages('Installed'))),
    ).toHaveLength(3);
  });

  it('folds connections to many ports, but never those to several addresses, nor several exit statuses', () => {
    const to = (RemoteAddress: string, RemotePort: string) => ({
      Protocol: 'tcp',
      Direction: 'Out',
      RemoteAddress,
      RemotePort,
      ProcessId: 0,
      Executable: '/usr/bin/scan',
    });
    const ports = ['22', '23', '80', '443'].map((port) => to('192.0.2.1', port));
    const others = ['192.0.2.2', '192.0.2.3', '192.0.2.4'].map((address) => to(address, '22'));
    const ends = [1, 2, 3].map((ExitStatus) => ({
      Executable: '/bin/x',
      ProcessId: 0,
      ExitStatus,
    }));
    expect(
      texts(
        new LiveView(),
        event('ConnectionCreate', ...ports, ...others),
        event('ProcessTerminate', ...ends),
      ),
    ).toEqual([
      'ConnectionCreate out tcp → 192.0.2.1:22   (with 3 more like it, scan)',
      'ConnectionCreate out tcp → 192.0.2.2:22   (scan)',
      'ConnectionCreate out tcp → 192.0.2.3:22   (scan)',
      'ConnectionCreate out tcp → 192.0.2.4:22   (scan)',
      'ProcessTerminate x ended with status 1   (/bin/x)',
      'ProcessTerminate x ended with status 2   (/bin/x)',
      'ProcessTerminate x ended with status 3   (/bin/x)',
    ]);
  });

  it('tells a rule of the firewall in few words', () => {
    const rule = {
      Priority: 0,
      ChainName: 'input',
      Enabled: true,
      Action: 'Other',
      Protocol: 'tcp',
      DestinationPort: '22',
      ExtraDetails: { Table: 'inet filter', Verdict: 'jump web', State: 'new' },
    };
    const open = {
      Priority: 0,
      ChainName: 'INPUT',
      Enabled: true,
      Action: 'Allow',
      ExtraDetails: { Table: 'ip', Hook: 'input', Unfiltered: 'true' },
    };
    expect(texts(new LiveView(), event('FirewallConfiguration', rule, open))).toEqual([
      'FirewallConfiguration inet filter input: jump web tcp port 22 new',
      'FirewallConfiguration ip INPUT: Allow   (nothing filters here)',
    ]);
  });

  it('of snapshots shows the first, and then what is new and what is gone', () => {
    const view = new LiveView();
    const ssh = { Protocol: 'tcp', LocalAddress: '127.0.0.1', LocalPort: '22' };
    const dns = {
      Protocol: 'udp6',
      LocalAddress: '::',
      LocalPort: '53',
      ExtraDetails: { Executable: '/d' },
    };
    const later = (minutes: number) => new Date(at.getTime() + minutes * 60_000);
    const show = (minutes: number, ...sockets: object[]) =>
      texts(view, eventAt(later(minutes), 'ListeningPorts', ...sockets));
    expect(show(0, ssh)).toEqual(['ListeningPorts   tcp 127.0.0.1:22']);
    expect(show(1, ssh)).toEqual(['ListeningPorts   as before (1)']);
    expect(show(2, ssh, dns)).toEqual(['ListeningPorts   udp6 [::]:53 is new   (/d)']);
    expect(show(3, dns)).toEqual(['ListeningPorts   tcp 127.0.0.1:22 is gone']);
    expect(show(4)).toEqual(['ListeningPorts   udp6 [::]:53 is gone   (/d)']);
    expect(show(5)).toEqual(['ListeningPorts   as before (0)']);
    expect(texts(new LiveView(), event('ListeningPorts'))).toEqual([
      'ListeningPorts   (looked, and found nothing)',
    ]);
  });

  it('keeps the snapshots of several devices apart', () => {
    const view = new LiveView();
    const ssh = { Protocol: 'tcp', LocalAddress: '127.0.0.1', LocalPort: '22' };
    for (const deviceId of ['a', 'b']) {
      const [line] = view.message(received([event('ListeningPorts', ssh)], { deviceId }));
      expect(line).toMatch(/tcp 127\.0\.0\.1:22$/);
    }
  });

  it('names what is invalid, whatever the body looks like', () => {
    const problems = ['Events/0 is \u001b[2J'];
    for (const json of [undefined, null, [], { Events: [null, 1, { Payload: 'x' }] }]) {
      const lines = new LiveView().message(received([], { json, problems }));
      expect(lines.at(-1)).toMatch(/INVALID: Events\/0 is \\u\{1b\}\[2J$/);
    }
  });

  it('shows events with fields of other types or none at all', () => {
    const names = [
      'ProcessCreate',
      'ProcessTerminate',
      'ConnectionCreate',
      'Login',
      'ListeningPorts',
    ];
    const more = ['ConfigurationError', 'DroppedEventsStatistics', 'MessageStatistics', 'toString'];
    const odd = {
      Executable: 7,
      UserName: null,
      LocalAddress: [],
      ExtraDetails: 'x',
      ProcessId: '1',
    };
    for (const name of [...names, ...more]) {
      for (const line of texts(new LiveView(), event(name, {}, odd))) expect(line).toContain(name);
    }
  });

  it('cuts to the width of the terminal, and keeps the program in sight', () => {
    const long = started(`curl ${'x'.repeat(300)}`);
    const at80 = new LiveView({ columns: () => 80 }).message(
      received([event('ProcessCreate', long)]),
    );
    expect(at80[0]).toBe(
      `12:30:59  ProcessCreate    curl ${'x'.repeat(20)}…   (/usr/bin/id, user root)`,
    );
    const at100 = new LiveView({ columns: () => 100 }).message(
      received([event('ProcessCreate', long)]),
    );
    expect(at100[0]).toBe(
      `12:30:59  ProcessCreate    curl ${'x'.repeat(32)}…   (/usr/bin/id, user root, pid 12)`,
    );
  });
});
