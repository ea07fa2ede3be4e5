import { fstatSync } from 'node:fs';
import { connect } from 'node:net';
import type { Writable } from 'node:stream';

/** Where the journal takes the output of services (`systemd-journald.socket`). */
const journalSocket = '/run/systemd/journal/stdout';

/** As `SyslogIdentifier=` of the unit. */
const identifier = 'iot-security-agent';
const infoPriority = 6;

/**
 * Whether a descriptor leads to the journal: systemd tells device and inode of the stream that it opened in
 * `JOURNAL_STREAM` (systemd.exec(5)). The variable alone says nothing: a terminal and whatever is started in it inherit
 * it from the service of the terminal.
 */
export function isJournal(descriptor: number, environment: NodeJS.ProcessEnv): boolean {
  const stream = environment['JOURNAL_STREAM'];
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(descriptor);
    return stream === `${dev}:${ino}`;
  } catch {
    // The descriptor is closed.
    return false;
  }
}

/**
 * Opens a stream to the journal as systemd does for a service: seven lines of settings, then the text, of which each
 * line may begin with its priority (`src/journal/journald-stream.c`). The journal finds the unit by the process. The
 * connection never keeps the process alive.
 *
 * @param path the socket of the journal
 * @throws when nobody takes the connection: `ENOENT`, `ECONNREFUSED`
 */
export function openJournalStream(path = journalSocket): Promise<Writable> {
  const [unit, readsPriorities, forwards] = ['', 1, 0];
  const settings = [
    ...[identifier, unit, infoPriority, readsPriorities],
    // To syslog, to the log of the kernel, to the console: as the journal itself is set up.
    ...[forwards, forwards, forwards],
  ];
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.unref();
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      // The journal says nothing; reading tells when it closes.
      socket.resume();
      socket.write(`${settings.join('\n')}\n`);
      resolve(socket);
    });
  });
}
