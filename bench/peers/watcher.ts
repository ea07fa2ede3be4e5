/** What is told of the workload, as far as it can be counted. */
export interface Told {
  /** Different programs of the workload that were told. */
  readonly programs: number;
  /** Different addresses of the workload that were told. */
  readonly connections: number;
  /** Ends of connections of the workload that were told; the agent tells both, the others one. */
  readonly ends: number;
  /** Programs that were told more often than they were started. */
  readonly twice: number;
}

/** When a program that says its time was found, in ms since 1970. */
export interface Found {
  readonly startedMs: number;
  readonly foundMs: number;
}

/** A watcher at work. */
export interface Watching {
  /** All of its processes, at the moment. */
  pids(): readonly number[];
  /** Of the programs whose mark begins with `mark`, and of the connections of the workload. */
  told(mark: string): Told;
  /** What it has written or sent until now. */
  bytes(): { readonly written: number; readonly sent: number; readonly units: number };
  /** Latencies of the programs `<mark>-<microseconds>`: to what it writes, and to the hub where it has one. */
  found(mark: string): { readonly written: readonly Found[]; readonly sent: readonly Found[] };
  /** Ends it, and leaves the host as it was. */
  stop(): Promise<void>;
}

/** One that is measured: the agent in one of its settings, a peer, or none. */
export interface Watcher {
  readonly name: string;
  readonly title: string;
  /** Whether kernel audit serves it, whose thread then works for it. */
  readonly audit: boolean;
  /** How many ends of a connection it tells. */
  readonly ends: 0 | 1 | 2;
  /** How long after the last that was told something may still come, in ms: a program, a connection. */
  readonly tailMs: number;
  readonly connectionTailMs: number;
  /** Why it cannot be had on this machine; looked at once, before it is started. */
  unavailable?(): Promise<string | undefined>;
  start(): Promise<Watching>;
}
