/** What is told of the workload, as far as it can be counted. */
export interface Told {
  /** Different programs of the workload that were told. */
  readonly programs: number;
  /** Different addresses of the workload that were told. */
  readonly connections: number;
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
  /** What it says of losses itself, by cause; read before `stop`. */
  losses?(): Readonly<Record<string, number>>;
  /** Ends it, and leaves the host as it was. */
  stop(): Promise<void>;
}

/** One that is measured: the agent in one of its settings, a peer, or none. */
export interface Watcher {
  readonly name: string;
  readonly title: string;
  /** Whether kernel audit serves it, whose thread then works for it. */
  readonly audit: boolean;
  /** Whether it tells connections. */
  readonly connections: boolean;
  /** How long after the last of the workload something may still come, in ms. */
  readonly tailMs: number;
  /** Why it cannot be had on this machine; looked at once, before it is started. */
  unavailable?(): Promise<string | undefined>;
  start(): Promise<Watching>;
}
