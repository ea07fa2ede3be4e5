import { join } from 'node:path';
import type { Clock } from '../../base/clock.js';
import type { LogOutput } from '../../base/log-output.js';
import type { Log } from '../../base/log.js';
import type { LocalSettings } from '../../config/local-settings.js';
import type { Settings } from '../../config/settings.js';
import type { LossLedger } from '../accounting/losses.js';
import type { Detection } from '../detection/detection.js';
import type { History } from '../history/history.js';
import type { HubLink } from '../hub/hub-link.js';
import type { CertificateWatch } from '../identity/certificate-watch.js';
import type { CollectorsRunner } from '../runner/collectors-runner.js';
import type { Spool } from '../spool/spool.js';
import type { TwinSync } from '../twin/twin-sync.js';
import type { Uplink } from '../uplink/uplink.js';
import { ConnectionHistory } from './connection-history.js';
import type { StatusDocument } from './document.js';
import { statusFacts } from './facts.js';
import { judge } from './health.js';
import { prometheusText } from './metrics.js';
import { MetricsFile } from './metrics-file.js';
import { RecentLosses } from './recent-losses.js';
import { StatusServer } from './server.js';

/** In the runtime directory. */
const socketName = 'status.sock';

export function statusSocket(runtimeDirectory: string): string {
  return join(runtimeDirectory, socketName);
}

interface StatusServiceOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly logOutput?: Pick<LogOutput, 'problem'>;
  readonly local: Pick<
    LocalSettings,
    'runtimeDirectory' | 'metricsFile' | 'disabledEvents' | 'disconnectionTolerance'
  >;
  readonly startedMonotonicMs: number;
  readonly losses: LossLedger;
  readonly parts: {
    readonly link: HubLink;
    readonly twin: Pick<TwinSync, 'desiredVersion'>;
    readonly collectors: Pick<CollectorsRunner, 'states'>;
    readonly detection: Pick<Detection, 'state'>;
    readonly spool: Pick<Spool, 'problem' | 'stats'>;
    readonly history: Pick<History, 'problem' | 'stats'>;
    readonly uplink: Pick<Uplink, 'silence' | 'stats'>;
    readonly certificate: Pick<CertificateWatch, 'validToMs'> | undefined;
  };
  readonly settings: Pick<Settings, 'current' | 'dialect' | 'problems'>;
}

/** The status of the agent for whoever asks, and the metrics file where one is wanted. */
export class StatusService {
  /** The collectors are armed. */
  ready = false;
  private readonly connection: ConnectionHistory;
  private readonly recent: RecentLosses;
  private readonly server: StatusServer;
  private readonly metrics: MetricsFile | undefined;

  constructor(private readonly options: StatusServiceOptions) {
    const { clock, local, log, losses, parts, settings } = options;
    this.connection = new ConnectionHistory(
      parts.link,
      clock,
      // A device that waits for its moment among the fleet is well.
      () => local.disconnectionTolerance.ms + settings.current.reconnectSpread.ms,
    );
    this.recent = new RecentLosses(losses, clock);
    this.server = new StatusServer({
      path: statusSocket(local.runtimeDirectory),
      answer: () => `${JSON.stringify(this.document())}\n`,
      clock,
      log,
    });
    this.metrics =
      local.metricsFile === undefined
        ? undefined
        : new MetricsFile({
            path: local.metricsFile,
            content: () => prometheusText(this.document()),
            clock,
            log,
          });
  }

  /** Never rejects. */
  async start(): Promise<void> {
    this.recent.start();
    await this.server.start();
    await this.metrics?.start();
  }

  /** Never rejects. */
  async stop(): Promise<void> {
    this.recent.stop();
    await this.metrics?.stop();
    await this.server.stop();
  }

  /**
   * The verdict as far as it can be told to the hub: that there is no connection nobody would read before there is one, and
   * that a start is not over is no news seconds later.
   */
  healthOverConnection(): { readonly health: string; readonly problems: readonly string[] } {
    const problems = this.document()
      .problems.map(({ code }) => code)
      .filter((code) => code !== 'starting' && code !== 'disconnected');
    return { health: problems.length === 0 ? 'healthy' : 'degraded', problems };
  }

  document(): StatusDocument {
    const { clock, local, losses, parts, settings, startedMonotonicMs } = this.options;
    const cpu = process.cpuUsage();
    return judge(
      statusFacts({
        nowWallMs: clock.wallMs(),
        uptimeMs: clock.monotonicMs() - startedMonotonicMs,
        ready: this.ready,
        logProblem: this.options.logOutput?.problem,
        memoryBytes: process.memoryUsage.rss(),
        cpuMicroseconds: cpu.user + cpu.system,
        connection: this.connection.tell(),
        certificateValidToMs: parts.certificate?.validToMs,
        desiredVersion: parts.twin.desiredVersion,
        dialect: settings.dialect,
        disabledEvents: local.disabledEvents,
        twinProblems: settings.problems,
        collectors: parts.collectors.states(),
        losses: losses.snapshot(),
        lastHour: (component, cause, total) => this.recent.of(component, cause, total),
        detection: parts.detection.state(),
        spool: {
          problem: parts.spool.problem,
          limitBytes: settings.current.maxLocalCacheSizeInBytes,
          queues: parts.spool.stats(),
        },
        history: { ...parts.history.stats(), problem: parts.history.problem },
        silence: parts.uplink.silence(),
        today: parts.uplink.stats(),
      }),
    );
  }
}
