import type { Payload } from '../../collectors/events.js';

type Identities = { readonly [N in AggregatedName]: (payload: Payload<N>) => Payload<N> };

/** The events that can be counted; each has its two settings in the twin. */
export type AggregatedName = 'ProcessCreate' | 'ProcessTerminate' | 'ConnectionCreate';

/**
 * For each event that is aggregated, what is left of a payload without the fields that differ from hit to hit. Hits
 * that agree in it are counted together. Source: message contract §3.4, §5.2, §5.3.
 */
const identities: Identities = {
  ProcessCreate: (payload) => ({
    Executable: payload.Executable,
    ProcessId: 0,
    ParentProcessId: 0,
    UserId: payload.UserId,
    ...(payload.UserName === undefined ? {} : { UserName: payload.UserName }),
    CommandLine: payload.CommandLine,
  }),
  ProcessTerminate: (payload) => ({
    Executable: payload.Executable,
    ProcessId: 0,
    ExitStatus: payload.ExitStatus,
  }),
  ConnectionCreate: (payload) => {
    const { LocalAddress, CommandLine, UserId, LocalPort, RemotePort } = payload;
    const incoming = payload.Direction === 'In';
    return {
      Protocol: payload.Protocol,
      Direction: payload.Direction,
      RemoteAddress: payload.RemoteAddress,
      // The port that a connection was made from is another one each time.
      RemotePort: incoming ? '0' : RemotePort,
      ...(LocalAddress === undefined ? {} : { LocalAddress }),
      ...(LocalPort === undefined ? {} : { LocalPort: incoming ? LocalPort : '0' }),
      ProcessId: 0,
      Executable: payload.Executable,
      ...(CommandLine === undefined ? {} : { CommandLine }),
      ...(UserId === undefined ? {} : { UserId }),
    };
  },
};

export const aggregatedNames = Object.keys(identities) as readonly AggregatedName[];

export function isAggregated(name: string): name is AggregatedName {
  return Object.hasOwn(identities, name);
}

/** The fields stand in the order of the table, so that equal identities have equal JSON. */
export function identityOf<N extends AggregatedName>(name: N, payload: Payload<N>): Payload<N> {
  const identity = identities[name] as (payload: Payload<N>) => Payload<N>;
  return identity(payload);
}
