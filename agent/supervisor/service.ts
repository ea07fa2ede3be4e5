import type { Clock, Timer } from '../../base/clock.js';
import type { Log } from '../../base/log.js';
import { isUnavailable, type Unavailable } from '../../base/unavailable.js';
import type { Libc } from '../../collectors/kernel/libc.js';
import { Notifier } from './notifier.js';
import { type ProgressCheck, ProgressMonitor } from './progress.js';

interface ServiceOptions {
  readonly libc: Libc | Unavailable;
  readonly clock: Clock;
  readonly log: Log;
  readonly environment: NodeJS.ProcessEnv;
  readonly ownPid: number;
}

/** What the running agent shows of itself. */
export interface Watched {
  readonly checks: readonly ProgressCheck[];
  /** One short line; asked whenever it is told. */
  readonly status: () => string;
}

/** While the start takes, systemd is asked every `each` for `by` more, for `longest` in all. */
const extensionMs = { each: 20_000, by: 60_000, longest: 1_200_000 } as const;
/** How often the status line is looked at where no watchdog wants feeding. */
const statusIntervalMs = 60_000;

/**
 * The agent as a service of systemd (`Type=notify`): when it is ready and when it stops, what it is doing, and that it
 * makes progress.
 *
 * 1. Where no service manager asked for it, nothing is told.
 * 2. The watchdog is fed only while every check makes progress, and only after `ready`.
 * 3. A start that takes long asks for more time, up to `extensionMs.longest` in all.
 * 4. After `stopping` nothing but that is told.
 */
export class Service {
  private readonly notifier: Notifier | undefined;
  private readonly watchdogMs: number | undefined;
  private monitor: ProgressMonitor | undefined;
  private extension: Timer | undefined;
  private status: (() => string) | undefined;
  private toldStatus = '';
  private isStopping = false;

  constructor(private readonly options: ServiceOptions) {
    const { libc, clock, environment, log, ownPid } = options;
    const socketName = environment['NOTIFY_SOCKET'];
    if (socketName === undefined || socketName === '') return;
    if (isUnavailable(libc)) {
      log.warn(`The service manager cannot be told how the agent is: ${libc.unavailable}`);
      return;
    }
    const onProblem = (sentence: string): void => log.warn(sentence);
    this.notifier = new Notifier({ libc, clock, socketName, onProblem });
    this.watchdogMs = watchdogInterval(environment, ownPid);
  }

  /** Whether a service manager runs the agent, and may start it anew when it ends. */
  get isSupervised(): boolean {
    return this.notifier !== undefined;
  }

  /** To be told first of all: the recovery of a large spool may take longer than a start usually may. */
  starting(): void {
    if (this.notifier === undefined) return;
    const { clock } = this.options;
    const beganMs = clock.monotonicMs();
    const extend = (): void => {
      this.notifier?.tell({ status: 'Starting', extendTimeoutMs: extensionMs.by });
      if (clock.monotonicMs() - beganMs < extensionMs.longest)
        this.extension = clock.after(extensionMs.each, extend);
    };
    this.extension = clock.after(extensionMs.each, extend);
  }

  /** The spool is open and the collectors are armed; the watchdog is fed from here on. */
  ready(watched: Watched): void {
    if (this.notifier === undefined || this.isStopping) return;
    const { clock, log } = this.options;
    const { watchdogMs } = this;
    this.extension?.cancel();
    this.status = watched.status;
    this.toldStatus = watched.status();
    this.notifier.tell({ ready: true, status: this.toldStatus });
    this.monitor = new ProgressMonitor({
      clock,
      checks: watchdogMs === undefined ? [] : watched.checks,
      intervalMs: watchdogMs === undefined ? statusIntervalMs : watchdogMs / 4,
      boundMs: watchdogMs === undefined ? Infinity : watchdogMs / 2,
      onProgress: () => {
        if (watchdogMs !== undefined) this.notifier?.tell({ watchdog: true });
        this.statusChanged();
      },
      onStuck: (what, forMs) =>
        log.error(
          `${what} makes no progress for ${Math.round(forMs / 1000)} s; if that lasts, the watchdog of the service ends the agent and starts it anew.`,
        ),
    });
    this.monitor.start();
  }

  /** Tells the status line if it has changed. */
  statusChanged(): void {
    const status = this.status?.();
    if (status === undefined || status === this.toldStatus) return;
    this.toldStatus = status;
    this.notifier?.tell({ status });
  }

  stopping(): void {
    this.isStopping = true;
    this.extension?.cancel();
    this.monitor?.stop();
    this.status = undefined;
    this.notifier?.tell({ stopping: true, status: 'Stopping: what waits is stored and sent' });
    this.notifier?.stop();
  }
}

/** sd_watchdog_enabled(3); undefined when the service has no watchdog, or that of another process is meant. */
function watchdogInterval(environment: NodeJS.ProcessEnv, ownPid: number): number | undefined {
  const intervalMs = Number(environment['WATCHDOG_USEC']) / 1000;
  const pid = environment['WATCHDOG_PID'];
  if (!Number.isFinite(intervalMs) || intervalMs <= 0) return undefined;
  return pid === undefined || Number(pid) === ownPid ? intervalMs : undefined;
}
