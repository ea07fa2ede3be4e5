/**
 * What a collector knew before anything was masked, cut or counted, and no payload says: rules of detection are judged on
 * it, and none of it is told.
 */
export interface RawFacts {
  /** Arguments, as they were given to execve. */
  readonly arguments?: readonly string[];
  readonly parentArguments?: readonly string[];
  /** The path given to execve: where a link leads to is in `Executable`. */
  readonly executedPath?: string;
  /** The script that an interpreter was started for. */
  readonly scriptPath?: string;
  readonly parentExecutedPath?: string;
  readonly parentScriptPath?: string;
  /** Name of the program, at most 15 bytes. */
  readonly comm?: string;
  readonly effectiveUserId?: string;
  readonly auditKey?: string;
  /** The name that the other side was asked for by. */
  readonly remoteName?: string;
}
