import { constants } from 'node:os';
import { isUnavailable, type Unavailable } from '../base/unavailable.js';
import type { Details } from '../contract/events.js';
import type {
  Observation,
  RunningCollector,
  TriggeredCollector,
  TriggeredContext,
} from './interface/collector.js';
import { InOrder } from './interface/in-order.js';
import { type Container, containerDetails } from './kernel/processes/container.js';
import type { ProgramFacts } from './kernel/processes/process-record.js';
import type { EndedProcess } from './kernel/processes/processes.js';

/** Every process that ends, however it ends. */
export const processTerminate: TriggeredCollector<'ProcessTerminate'> = {
  kind: 'triggered',
  name: 'ProcessTerminate',
  start: startWatching,
};

/** How long the end of a process waits to learn which program it was. */
const programDeadlineMs = 1000;
const mostWaiting = 4096;

async function startWatching(
  context: TriggeredContext<'ProcessTerminate'>,
): Promise<RunningCollector | Unavailable> {
  const { clock, emit, host, lose, fail, setSource } = context;
  const order = new InOrder<Observation<'ProcessTerminate'>>({
    clock,
    emit,
    deadlineMs: programDeadlineMs,
    mostWaiting,
    // An end has no text of its own: the table bounds those of the programs.
    mostWaitingCharacters: Number.POSITIVE_INFINITY,
  });
  const following = await host.processes.follow({
    lose,
    onFailed: fail,
    onEnd: (process) => {
      const settle = order.push(() =>
        observationOf(process, process.program(), process.container()),
      );
      process.onTold(() => settle('told'));
    },
  });
  if (isUnavailable(following)) {
    return {
      unavailable: `How processes ended is told by the kernel's process events alone. ${following.unavailable}`,
    };
  }
  setSource({ source: 'proc-connector' });
  return {
    stop: () => {
      following.end();
      order.flush();
      return Promise.resolve();
    },
  };
}

/** Where no source could know the program, `Executable` is '' and `ExtraDetails` says so: `ExecutableKnown` is "false". */
export function observationOf(
  { pid, exitCode, signal, timeMs }: Omit<EndedProcess, 'program' | 'container' | 'onTold'>,
  facts: ProgramFacts | undefined,
  container: Container | null | undefined,
): Observation<'ProcessTerminate'> {
  const details: Details<'ProcessTerminate'> = containerDetails(container);
  if (signal !== 0) details.Signal = signalName(signal);
  if (facts?.executable === undefined) details.ExecutableKnown = 'false';
  return {
    timeMs,
    payload: {
      Executable: facts?.executable ?? '',
      ProcessId: pid,
      // As a shell tells it (sh(1), "Exit Status").
      ExitStatus: signal === 0 ? exitCode : 128 + signal,
      ...(Object.keys(details).length > 0 && { ExtraDetails: details }),
    },
  };
}

const firstRealTimeSignal = 32;

/** `SIGKILL`; a real-time signal has no name of its own and is `SIG34`. */
function signalName(signal: number): string {
  if (signal >= firstRealTimeSignal) return `SIG${signal}`;
  const found = Object.entries(constants.signals).find(([, number]) => number === signal);
  return found?.[0] ?? `SIG${signal}`;
}
