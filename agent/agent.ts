import { join } from 'node:path';
import { createHost, type ManagedHost } from '../collectors/host.js';
import { parseAuditPlace, type AuditPlace } from '../collectors/linux/audit/unread-time.js';
import { handedOverSockets } from '../collectors/linux/systemd-sockets.js';
import { reasonOf } from '../config/errors.js';
import { evaluateTwin, type Evaluation } from '../config/evaluate-twin.js';
import type { JsonObject } from '../config/json.js';
import type { TwinSettings } from '../config/twin-settings.js';
import { agentStatus } from './agent-status.js';
import { CountersFile, storedCounts } from './counters-file.js';
import { LossSummary } from './loss-summary.js';
import { droppedCauses, LossLedger } from './losses.js';
import { buildParts, type AgentOptions, type Parts } from './parts.js';
import { statusLine } from './status-line.js';
import type { ProgressCheck } from './supervisor/progress.js';
import { changeNoteName, loadAgentId, prepareStateDirectory } from './state-directory.js';
import { StatusService } from './status/service.js';
import { ClockWatch, stepSentence, type ClockStep } from './time/clock-watch.js';
import { clockIsSetAfterMs } from './time/unset-clock.js';
import type { Uplink } from './uplink/uplink.js';
import { version } from './version.js';

/**
 * Has every part built, starts them in the order in which the data flows, and stops them in an
 * order that loses nothing. `start` resolves when the collectors are armed, whether or not the hub is reached.
 */
export class Agent {
  private readonly losses = new LossLedger();
  private readonly lossSummary: LossSummary;
  private readonly startedMs: number;
  private readonly startedMonotonicMs: number;
  private readonly clockWatch: ClockWatch;
  private evaluation: Evaluation;
  private parts: Parts | undefined;
  private statusService: StatusService | undefined;
  private stopping = false;

  constructor(private readonly options: AgentOptions) {
    const { clock, local, log } = options;
    this.lossSummary = new LossSummary(this.losses, clock, log);
    this.startedMs = clock.wallMs();
    this.startedMonotonicMs = clock.monotonicMs();
    this.clockWatch = new ClockWatch(clock, (step) => this.clockSet(step));
    this.evaluation = evaluateTwin({}, undefined, local.remoteConfigurationObjectName);
  }

  /** @throws CommandError when the state directory cannot be used, SpoolLockedError when another agent uses it */
  async start(): Promise<void> {
    const { clock, local, log } = this.options;
    await prepareStateDirectory(local.stateDirectory);
    const agentId =
      local.agentId ?? (await loadAgentId(local.stateDirectory, (sentence) => log.warn(sentence)));
    const counters = new CountersFile(local.stateDirectory, clock, log, () => this.memory());
    const stored = await counters.load();
    const parts = await buildParts({
      ...this.options,
      agentId,
      host: this.createHost(parseAuditPlace(stored['audit'])),
      counters,
      losses: this.losses,
      settings: () => this.settings,
      onSettings: (evaluation, desiredVersion) => this.applySettings(evaluation, desiredVersion),
      status: () => this.status(),
      warn: (sentence) => this.warn(sentence),
      onStatusChange: () => this.parts?.twin.statusChanged(true),
    });
    this.parts = parts;
    const lostBefore = storedCounts(stored['losses']);
    this.losses.restore(lostBefore);
    this.lossSummary.start(lostBefore);
    parts.operational.restore(stored);
    this.losses.onChange((cause) => {
      parts.counters.changed(droppedCauses.includes(cause));
      this.lossSummary.changed();
      parts.twin.statusChanged(false);
    });
    const statusService = new StatusService({
      ...this.options,
      parts,
      startedMonotonicMs: this.startedMonotonicMs,
      losses: this.losses,
      reconnectSpreadMs: () => this.settings.reconnectSpread.ms,
      spoolLimitBytes: () => this.settings.maxLocalCacheSizeInBytes,
      twinProblems: () => this.evaluation.problems,
    });
    this.statusService = statusService;
    await statusService.start();
    await parts.aggregates.start();
    await parts.host.start();
    await parts.twin.start();
    await parts.collectors.apply(this.settings);
    await parts.host.tidy();
    await parts.uplink.start();
    parts.link.listen({ onState: () => this.options.onStatusLine?.() });
    parts.link.start();
    statusService.ready = true;
    this.clockWatch.start();
    log.info('The agent is ready: its collectors are armed.', { version, agentId });
  }

  /**
   * Undoes what was changed in the kernel, closes the aggregates, journals everything, and tries for a bounded time to
   * send it. Runs every step, also after one that failed.
   */
  async stop(): Promise<void> {
    const { parts } = this;
    if (parts === undefined || this.stopping) return;
    this.stopping = true;
    this.clockWatch.stop();
    await this.step('stop the collectors', () => parts.collectors.stop());
    await this.step('stop the readers of the kernel', () => parts.host.stop());
    parts.operational.stop();
    await this.step('close the aggregates', () => parts.aggregates.stop());
    await this.step('journal what waits', () => parts.outbox.flush());
    await this.step('send what waits', () =>
      parts.uplink.flush(this.options.local.shutdownTimeout.ms),
    );
    await this.step('stop sending', () => parts.uplink.stop());
    await this.step('store the twin', () => parts.twin.stop());
    await this.step('close the connection', () => parts.link.stop());
    this.lossSummary.stop();
    await this.step('store the counters', () => parts.counters.save());
    await this.step('end the status', () => this.statusService?.stop() ?? Promise.resolve());
    await this.step('close the spool', () => parts.spool.close());
  }

  /** What must keep moving; see ProgressMonitor. */
  progressChecks(): readonly ProgressCheck[] {
    const { parts } = this;
    if (parts === undefined) return [];
    return [
      { what: 'The reader of the kernel', probe: () => parts.host.comesRound() },
      { what: 'The journal of events', probe: () => parts.outbox.flush() },
    ];
  }

  /** How the agent is, in one short line. */
  statusLine(): string {
    const { parts } = this;
    if (parts === undefined) return 'Starting';
    return statusLine({
      link: parts.link.state,
      spool: parts.spool.stats(),
      spoolProblem: parts.spool.problem,
      collectors: parts.collectors.states(),
    });
  }

  private createHost(lastAuditPlace: AuditPlace | undefined): ManagedHost {
    const { clock, environment, libc, local, log } = this.options;
    return createHost({
      ...(libc === undefined ? {} : { libc }),
      clock,
      settings: local,
      handedOver: handedOverSockets(environment, process.pid),
      noteFile: join(local.stateDirectory, changeNoteName),
      ...(lastAuditPlace === undefined ? {} : { lastAuditPlace }),
      onTampering: (sentence) => this.warn(sentence),
      onProblem: (sentence) => log.warn(sentence),
    });
  }

  /** What the next run needs to know. */
  private memory(): JsonObject {
    const place = this.parts?.host.auditPlace();
    return {
      losses: this.losses.snapshot(),
      ...this.parts?.operational.memory(),
      ...(place === undefined ? {} : { audit: { ...place } }),
    };
  }

  private get settings(): TwinSettings {
    return this.evaluation.settings;
  }

  private applySettings(evaluation: Evaluation, desiredVersion: number): void {
    const { parts } = this;
    if (parts === undefined || this.stopping) return;
    const before = this.settings;
    // What is being counted belongs to the settings under which it was seen.
    parts.aggregates.settingsWillChange(before, evaluation.settings);
    this.evaluation = evaluation;
    void parts.spool.setLimit(this.settings.maxLocalCacheSizeInBytes);
    parts.aggregates.settingsChanged();
    parts.uplink.settingsChanged();
    parts.operational.setInterval(this.settings.snapshotFrequency.ms);
    parts.operational.configurationErrors(desiredVersion, evaluation.problems);
    void parts.collectors.apply(this.settings);
    if (evaluation.unknownKeys.length > 0) {
      this.options.log.debug('The twin holds settings that this version does not know.', {
        keys: evaluation.unknownKeys.join(' '),
      });
    }
  }

  private clockSet(step: ClockStep): void {
    const { fromMs, toMs } = step;
    this.warn(stepSentence(step));
    const { parts } = this;
    if (fromMs < clockIsSetAfterMs && toMs >= clockIsSetAfterMs) {
      parts?.aggregates.clockSet(toMs - fromMs);
    }
    parts?.hubTime.clockSet(toMs - fromMs);
    parts?.link.clockSet();
  }

  /** Tells the operator and the hub of something that harms what the agent sees or says. */
  private warn(sentence: string): void {
    const { clock, log } = this.options;
    log.warn(sentence);
    this.parts?.pipeline.tell(
      'Diagnostic',
      { Severity: 'Warning', Message: sentence, ProcessId: process.pid, ThreadId: process.pid },
      clock.wallMs(),
    );
  }

  private status(): JsonObject {
    const { parts } = this;
    return agentStatus({
      startedMs: this.startedMs,
      desiredVersion: parts?.twin.desiredVersion ?? 0,
      problems: this.evaluation.problems,
      collectors: parts?.collectors.states() ?? {},
      losses: this.losses.snapshot(),
      ...(parts === undefined || this.options.local.maxUnitsPerDay === 0
        ? {}
        : { units: unitsOf(parts.uplink) }),
    });
  }

  private async step(what: string, action: () => Promise<void>): Promise<void> {
    this.options.log.debug(`Stopping: ${what}.`);
    try {
      await action();
    } catch (error) {
      const reason = reasonOf(error);
      this.options.log.error(`While stopping, the agent could not ${what}: ${reason}`);
    }
  }
}

function unitsOf(uplink: Uplink): { today: number; cap: number; lowDelays: number } {
  const { unitsToday, maxUnitsPerDay, lowDelays } = uplink.stats();
  return { today: unitsToday, cap: maxUnitsPerDay, lowDelays };
}
