import type { Container } from '../../kernel/processes/container.js';
import type { Endpoint } from '../../kernel/sockets/endpoint.js';

/** A process as far as it could be seen. */
export interface ConnectionProcess {
  readonly pid: number;
  readonly executable: string | undefined;
  /** The path given to execve, where it is known and another. */
  readonly executedPath?: string | undefined;
  /** True when the sources do not agree about the executable. */
  readonly executableDoubted?: boolean;
  readonly comm: string | undefined;
  /** Empty when the command line is not known. */
  readonly argv: readonly string[];
  /** False when arguments may be missing. */
  readonly argvComplete: boolean;
  readonly realUid: number | undefined;
  /** Null when it is in none. */
  readonly container: Container | null | undefined;
}

/** What one source knows of a connection; whatever is absent it could not know. */
export interface Connection {
  readonly timeMs: number;
  readonly direction: 'In' | 'Out';
  readonly transport: 'tcp' | 'udp';
  readonly remote: Endpoint;
  readonly local: Endpoint | undefined;
  readonly process: ConnectionProcess | undefined;
  /** Of an accepted one: the process is the one that listens, which may have handed it to another. */
  readonly processListens?: boolean;
  /** True when it may have failed after all. */
  readonly outcomeUnknown?: boolean;
  /** True when it may be TCP where UDP is said, or the other way round. */
  readonly transportUnknown?: boolean;
}

/** A connection could not be made. */
export const failedConnect = 'failed connect';

/** What a source of connections tells. */
export type ConnectionFacts = Connection | typeof failedConnect;
