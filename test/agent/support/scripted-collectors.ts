import { openSync, writeSync } from 'node:fs';
import { systemClock } from '../../../collectors/clock.js';
import type { Collector, TriggeredCollector } from '../../../collectors/collector.js';
import type { Payload, TriggeredName } from '../../../collectors/events.js';

/*
 * Stands in for the collectors in the agent that is killed: what happens is made here and noted in a file by the same
 * thread, so that a test knows to the millisecond, by the agent's own clock, what was seen how long before the end.
 *
 * A line of the file: letter of the event, number of the event, identity, monotonic milliseconds. The file is written
 * without a buffer of the process, so it ends where the process did.
 */

const tickMs = 15;
/** Beyond the largest pid, so that nothing on the machine is taken for it. */
const pid = 4_194_304 + 1;

function scripted<N extends TriggeredName>(
  name: N,
  letter: string,
  make: (number: number) => { identity: string; payload: Payload<N> },
): TriggeredCollector<N> {
  return {
    kind: 'triggered',
    name,
    start({ emit }) {
      const note = openSync(process.env['CRASH_NOTES'] ?? '', 'a');
      let number = Number(process.env['CRASH_FIRST']);
      const timer = setInterval(() => {
        const { identity, payload } = make(number);
        emit({ timeMs: systemClock.wallMs(), payload });
        writeSync(note, `${letter} ${number++} ${identity} ${systemClock.monotonicMs()}\n`);
      }, tickMs);
      return Promise.resolve({
        stop: () => {
          clearInterval(timer);
          return Promise.resolve();
        },
      });
    },
  };
}

export const collectors: readonly Collector[] = [
  scripted('Login', 'L', (number) => ({
    identity: `login-${number}`,
    payload: {
      ProcessId: pid,
      Executable: '/usr/sbin/sshd',
      Operation: 'test',
      Result: 'Success',
      UserName: `login-${number}`,
    },
  })),
  scripted('ProcessTerminate', 'T', (number) => ({
    identity: `end-${number}`,
    payload: { ProcessId: pid, Executable: `end-${number}`, ExitStatus: 0 },
  })),
  scripted('ProcessCreate', 'C', (number) => {
    // Every fourth is new, the others were seen before.
    const identity = `program-${number % 4 === 0 ? number : number % 3}`;
    return {
      identity,
      payload: {
        Executable: '/bin/x',
        ProcessId: pid,
        ParentProcessId: 1,
        UserId: '0',
        CommandLine: identity,
      },
    };
  }),
];
