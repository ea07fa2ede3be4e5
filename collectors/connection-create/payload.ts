import type { Details } from '../../contract/events.js';
import { containerDetails } from '../kernel/processes/container.js';
import type { Observation } from '../interface/collector.js';
import type { RawFacts } from '../interface/raw-facts.js';
import type { Connection, ConnectionProcess } from './sources/facts.js';

/** The payload for one connection. What no source could know is said in `ExtraDetails`, by the caveats of the event. */
export function observationOf(connection: Connection): Observation<'ConnectionCreate'> {
  const { direction, transport, remote, local, process } = connection;
  const details: Details<'ConnectionCreate'> = {};
  if (connection.outcomeUnknown === true) details.EstablishedKnown = 'false';
  if (connection.transportUnknown === true) details.ProtocolKnown = 'false';
  if (process === undefined) {
    details.ProcessKnown = 'false';
  } else {
    if (process.executable === undefined || process.executableDoubted === true)
      details.ExecutableKnown = 'false';
    if (!process.argvComplete) details.CommandLineKnown = 'false';
    if (process.realUid === undefined) details.UserIdKnown = 'false';
    Object.assign(details, containerDetails(process.container));
    if (connection.processListens === true) details.ProcessRole = 'listener';
  }
  const argv = process?.argv ?? [];
  const userId = process?.realUid;
  return {
    timeMs: connection.timeMs,
    ...(argv.length > 0 && { argv }),
    ...(process?.executedPath !== undefined && { raw: () => rawFactsOf(process) }),
    payload: {
      Protocol: remote.family === 6 ? `${transport}6` : transport,
      Direction: direction,
      RemoteAddress: remote.address,
      RemotePort: String(remote.port),
      ...(local !== undefined && {
        LocalAddress: local.address,
        LocalPort: String(local.port),
      }),
      ProcessId: process?.pid ?? 0,
      Executable: process?.executable ?? process?.comm ?? '',
      ...(argv.length > 0 && { CommandLine: argv.join(' ') }),
      ...(userId !== undefined && { UserId: String(userId) }),
      ...(Object.keys(details).length > 0 && { ExtraDetails: details }),
    },
  };
}

const rawFactsOf = ({ executedPath }: ConnectionProcess): RawFacts =>
  executedPath === undefined ? {} : { executedPath };
