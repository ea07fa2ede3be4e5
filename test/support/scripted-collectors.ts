import { openSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemClock } from '../../base/clock.js';
import type { Collector, TriggeredCollector } from '../../collectors/interface/collector.js';
import type { Payload, TriggeredName } from '../../contract/events.js';

/*
 * Stands in for the collectors in the agent that is killed: what happens is made here and noted in a file by the same
 * thread, so that a test knows to the millisecond, by the agent's own clock, what was seen how long before the end.
 *
 * A line of the file: letter of the event, number of the event, identity, monotonic milliseconds. The file is written
 * without a buffer of the process, so it ends where the process did.
 */

/**
 * How long the steps of journaling something take on this machine now, in its worst moment so far: made over and over
 * beside the agent's own, by the same threads. It stands in the file as letter `D`.
 */
async function measureWrites(note: number, file: string): Promise<never> {
  for (let worstMs = 0; ;) {
    const startMs = systemClock.monotonicMs();
    const handle = await open(file, 'w');
    const directory = await open(dirname(file), 'r');
    await directory.sync();
    await directory.close();
    await handle.write('x');
    await handle.sync();
    await handle.close();
    const tookMs = systemClock.monotonicMs() - startMs;
    if (tookMs > worstMs) {
      worstMs = tookMs;
      writeSync(note, `D ${Math.ceil(worstMs)} - ${systemClock.monotonicMs()}\n`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

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
      if (letter === 'L') void measureWrites(note, `${process.env['CRASH_NOTES'] ?? ''}.probe`);
      let number = Number(process.env['CRASH_FIRST']);
      if (letter === 'L') writeSync(note, `P ${process.pid} - 0\n`);
      const storm = letter === 'L' ? 0 : Number(process.env['STORM'] ?? 0);
      const timer = setInterval(() => {
        const { identity, payload } = make(number);
        emit({ timeMs: systemClock.wallMs(), payload });
        writeSync(note, `${letter} ${number++} ${identity} ${systemClock.monotonicMs()}\n`);
        // A storm is not noted one by one.
        for (let more = 0; more < storm; more++)
          emit({ timeMs: systemClock.wallMs(), payload: make(4 * number++).payload });
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
