import { readFileSync } from 'node:fs';
import type { Payload, SnapshotName, TriggeredName } from '../../../contract/events.js';
import recordedSnapshots from './snapshots.json' with { type: 'json' };

/**
 * What a gateway does on an ordinary day. What its programs do, with their command lines, ends, connections and logins,
 * was recorded by the agent on Debian 12 (`recorded.jsonl`: a scene each, recorded when the agent had seen its programs
 * before, so that their hashes were known); addresses, names and the parents that started a scene were replaced. When
 * it happens, and the connections of the broker, of the clock and of the name service, are declared here.
 */

/** Something that a collector tells. */
export interface Happening {
  /** Since midnight, UTC. */
  readonly atMs: number;
  readonly name: TriggeredName;
  readonly payload: Payload<TriggeredName>;
}

interface RecordedLine {
  readonly scene: string;
  /** Since the beginning of the scene. */
  readonly afterMs: number;
  readonly name: TriggeredName;
  readonly payload: Payload<TriggeredName>;
}

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** Every so many milliseconds, the first time after `firstMs`. */
function every(periodMs: number, firstMs = 0): readonly number[] {
  return Array.from(
    { length: Math.ceil((dayMs - firstMs) / periodMs) },
    (_, index) => firstMs + index * periodMs,
  );
}

const at = (hours: number, minutes: number): readonly number[] => [
  hours * hourMs + minutes * minuteMs,
];

/** When each scene begins: cron as Debian sets it, the timers of systemd, an operator, and three scripts of the gateway. */
const schedule: Readonly<Record<string, readonly number[]>> = {
  'watch-services': every(minuteMs, 2 * secondMs),
  'check-uplink': every(5 * minuteMs, secondMs),
  'send-readings': every(15 * minuteMs, 3 * secondMs),
  'cron-hourly': every(hourMs, 17 * minuteMs),
  'cron-daily': at(6, 25),
  logrotate: at(0, 0),
  'dpkg-backup': at(0, 1),
  'apt-update': at(6, 12),
  upgrade: at(6, 41),
  'ssh-refused': at(9, 9),
  'ssh-operator': [...at(9, 10), ...at(15, 40)],
};

const local = '192.0.2.2';
const nameServer = '192.0.2.1';
const timeServer = '203.0.113.123';
const sensors = Array.from({ length: 6 }, (_, index) => `192.0.2.${20 + index}`);

const broker = {
  Executable: '/usr/sbin/mosquitto',
  CommandLine: '/usr/sbin/mosquitto -c /etc/mosquitto/mosquitto.conf',
  UserId: '105',
  ProcessId: 612,
};
const clockDaemon = {
  Executable: '/usr/lib/systemd/systemd-timesyncd',
  CommandLine: '/lib/systemd/systemd-timesyncd',
  UserId: '997',
  ProcessId: 388,
};
const sender = {
  Executable: '/usr/bin/curl',
  UserId: '0',
  ProcessId: 4711,
};

type Connection = Payload<'ConnectionCreate'>;

/** Each sensor connects to the broker anew twice an hour. */
function sensorConnections(): readonly Happening[] {
  return sensors.flatMap((RemoteAddress, index) =>
    every(30 * minuteMs, (index + 1) * 4 * minuteMs).map((atMs, time) => {
      const payload: Connection = {
        Protocol: 'tcp',
        Direction: 'In',
        RemoteAddress,
        RemotePort: String(49_152 + time),
        LocalAddress: local,
        LocalPort: '1883',
        ...broker,
      };
      return { atMs, name: 'ConnectionCreate', payload };
    }),
  );
}

function datagrams(
  process: Pick<Connection, 'Executable' | 'ProcessId' | 'CommandLine' | 'UserId'>,
  remote: Pick<Connection, 'RemoteAddress' | 'RemotePort'>,
  times: readonly number[],
): readonly Happening[] {
  const payload: Connection = { Protocol: 'udp', Direction: 'Out', ...remote, ...process };
  return times.map((atMs) => ({ atMs, name: 'ConnectionCreate', payload }));
}

/** The day in the order of time. @param recordedFile the recorded scenes, a JSON line for each payload */
export function ordinaryDay(recordedFile: string): readonly Happening[] {
  const recorded = readFileSync(recordedFile, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as RecordedLine);
  const scenes = recorded.flatMap(({ scene, afterMs, name, payload }) =>
    (schedule[scene] ?? []).map((startMs) => ({ atMs: startMs + afterMs, name, payload })),
  );
  // At most 34 minutes 8 seconds apart (systemd-timesyncd.service(8)); each sending asks for a name first.
  const clock = datagrams(
    clockDaemon,
    { RemoteAddress: timeServer, RemotePort: '123' },
    every(2048 * secondMs, 30 * secondMs),
  );
  const names = datagrams(
    sender,
    { RemoteAddress: nameServer, RemotePort: '53' },
    every(15 * minuteMs, 3 * secondMs),
  );
  return [...scenes, ...sensorConnections(), ...clock, ...names].sort((a, b) => a.atMs - b.atMs);
}

const socket = (
  Protocol: 'tcp' | 'tcp6' | 'udp',
  LocalAddress: string,
  LocalPort: string,
  Executable: string,
  Pid: string,
): Payload<'ListeningPorts'> => ({
  Protocol,
  LocalAddress,
  LocalPort,
  RemoteAddress: Protocol === 'tcp6' ? '::' : '0.0.0.0',
  RemotePort: '*',
  ExtraDetails: { Pid, Executable, UserId: '0' },
});

/** What listens on the gateway all day. */
const openPorts: readonly Payload<'ListeningPorts'>[] = [
  socket('tcp', '0.0.0.0', '22', '/usr/sbin/sshd', '540'),
  socket('tcp', '0.0.0.0', '1883', '/usr/sbin/mosquitto', '612'),
  socket('tcp', '127.0.0.1', '1880', '/usr/bin/node', '655'),
  socket('tcp6', '::', '22', '/usr/sbin/sshd', '540'),
  socket('tcp6', '::', '1883', '/usr/sbin/mosquitto', '612'),
  socket('udp', '0.0.0.0', '68', '/usr/sbin/dhclient', '401'),
];

/** The snapshots as `collect` gives them on Debian 12 as it is installed, with what listens on the gateway. */
export const snapshots: readonly (readonly [SnapshotName, readonly Payload[]])[] = [
  ['ListeningPorts', openPorts],
  ...(Object.entries(recordedSnapshots) as unknown as [SnapshotName, Payload[]][]),
];
