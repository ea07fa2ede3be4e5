
/** What is known of a process, alive or ended lately. Absent members are not known. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parentPid?: number;
  readonly executable?: string;
  readonly argv?: readonly string[];
  readonly realUid?: number;
}

/** Looks processes up for collectors that learn of something a process did. */
export interface Processes {
  /** Undefined when nothing is known of the process any more. */
  of(pid: number): ProcessInfo | undefined;
}
