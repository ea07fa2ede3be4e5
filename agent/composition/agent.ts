import { clockIsSetAfterMs } from '../../base/clock.js';
import { join } from 'node:path';
import { reasonOf } from '../../base/errors.js';
import { withDeadline } from '../../base/deadline.js';
import type { JsonObject } from '../../base/json.js';
import { LifeCycle, type Part } from '../../base/life-cycle.js';
import type { Log } from '../../base/log.js';
import { version } from '../../base/version.js';
import { createHost, type ManagedHost } from '../../collectors/host.js';
import { parseAuditPlace, type AuditPlace } from '../../collectors/kernel/audit/unread-time.js';
import { evaluateTwin } from '../../config/evaluate-twin.js';
import { withOwnersSay } from '../../config/owners-say.js';
import { Settings } from '../../config/settings.js';
import type { AbsenceWatch } from '../absence/absence-watch.js';
import type { OwnEnd } from '../absence/moment.js';
import { CountersFile, storedCounts } from '../accounting/counters-file.js';
import { LossSummary } from '../accounting/loss-summary.js';
import { droppedCauses, LossLedger } from '../accounting/losses.js';
import { loadAgentId } from '../state/agent-id.js';
import { KeptMemory } from '../state/kept-memory.js';
import { KeptScan } from '../maintenance/kept-scan.js';
import { changeNoteName, prepareStateDirectory } from '../state/state-directory.js';
import { agentStatus } from '../status/agent-status.js';
import { SecurityPosture } from '../posture/security-posture.js';
import { StatusService } from '../status/service.js';
import { statusLine } from '../status/status-line.js';
import type { ProgressCheck } from '../supervisor/progress.js';
import { handedOverSockets } from '../supervisor/systemd-sockets.js';
import { ClockWatch, stepSentence, type ClockStep } from '../time/clock-watch.js';
import type { Uplink } from '../uplink/uplink.js';
import { absenceWatch } from './absence.js';
import { buildParts, type AgentOptions, type Parts } from './parts.js';

/**
 * The running agent: its parts, started in one order and stopped in the reverse one, which loses nothing. `start`
 * resolves when the collectors are armed, whether or not the hub is reached.
 */
export class Agent {
  private readonly losses = new LossLedger();
  private readonly lossSummary: LossSummary;
  private readonly startedMs: number;
  private readonly startedMonotonicMs: number;
  private readonly clockWatch: ClockWatch;
  private readonly settings: Settings;
  private readonly collectorMemory: KeptMemory;
  private readonly posture: SecurityPosture;
  private service: StatusService | undefined;
  private absence: AbsenceWatch | undefined;
  private parts: Parts | undefined;
  private lifeCycle: LifeCycle | undefined;
  private stopAskedMs: number | undefined;

  constructor(private readonly options: AgentOptions) {
    const { clock, local, log } = options;
    this.lossSummary = new LossSummary(this.losses, clock, log);
    this.startedMs = clock.wallMs();
    this.startedMonotonicMs = clock.monotonicMs();
    this.clockWatch = new ClockWatch(
      clock,
      (step) => this.clockSet(step),
      (dueMs) => this.absence?.look(dueMs),
    );
    this.collectorMemory = new KeptMemory({
      stateDirectory: local.stateDirectory,
      clock,
      journaled: async () => this.parts?.outbox.flush(),
      onProblem: (sentence) => log.warn(sentence),
    });
    this.settings = new Settings(
      withOwnersSay(
        evaluateTwin({}, undefined, local.remoteConfigurationObjectName),
        local.disabledEvents,
      ),
    );
    this.posture = new SecurityPosture({
      clock,
      settings: this.settings,
      states: () => this.parts?.collectors.states() ?? {},
      health: () => this.service?.healthOverConnection() ?? { health: 'notKnown', problems: [] },
      onChange: (urgent) => {
        this.parts?.twin.statusChanged(urgent);
        this.parts?.counters.changed();
      },
    });
  }

  /** @throws CommandError when the state directory cannot be used, SpoolLockedError when another agent uses it */
  async start(): Promise<void> {
    const { clock, local, log } = this.options;
    const { losses, settings } = this;
    await prepareStateDirectory(local.stateDirectory);
    const agentId =
      local.agentId ?? (await loadAgentId(local.stateDirectory, (sentence) => log.warn(sentence)));
    const counters = new CountersFile(local.stateDirectory, clock, log, () => this.memory());
    const stored = await counters.load();
    const fileScans = await KeptScan.open(local.stateDirectory);
    const parts = await buildParts({
      ...this.options,
      log: this.telling(log),
      agentId,
      host: this.createHost(fileScans, parseAuditPlace(stored['audit'])),
      fileScans,
      counters,
      losses,
      settings,
      status: () => this.status(),
      posture: this.posture,
      warn: (sentence) => this.warn(sentence),
      onStatusChange: () => this.parts?.twin.statusChanged(true),
    });
    this.parts = parts;
    const lostBefore = storedCounts(stored['losses']);
    losses.restore(lostBefore);
    parts.operational.restore(stored);
    this.posture.restore(stored['posture']);
    const absence = absenceWatch(this.options, parts);
    await absence.restore(stored['lastBeat']);
    this.absence = absence;
    losses.onChange((cause) => {
      parts.counters.changed(droppedCauses.includes(cause));
      this.lossSummary.changed();
      parts.twin.statusChanged(false);
    });
    const { startedMonotonicMs } = this;
    this.options.logOutput?.countLost((count) => losses.count('log', 'logRefused', count));
    const status = new StatusService({
      ...this.options,
      parts,
      startedMonotonicMs,
      losses,
      settings,
    });
    this.service = status;
    this.lifeCycle = new LifeCycle(this.inOrder(parts, status, lostBefore), {
      stopping: ({ name }) => log.debug(`Stopping: ${name}.`),
      stopFailed: ({ name }, error) =>
        log.error(`While stopping, the agent could not stop ${name}: ${reasonOf(error)}`),
    });
    await this.lifeCycle.start();
    status.ready = true;
    log.info('The agent is ready: its collectors are armed.', { version, agentId });
  }

  /**
   * Undoes what was changed in the kernel, closes the aggregates, journals everything, and tries for a bounded time to
   * send it. Runs every step, also after one that failed.
   */
  async stop(how: OwnEnd = 'asked'): Promise<void> {
    this.stopAskedMs ??= this.options.clock.monotonicMs();
    this.absence?.ends(how);
    await this.lifeCycle?.stop();
  }

  /** What is left of the time for the stop; taking audit rules back may have needed most of it. */
  private lastAttemptMs(): number {
    const { clock, local } = this.options;
    const longestMs = local.shutdownTimeout.ms;
    const spentMs = clock.monotonicMs() - (this.stopAskedMs ?? clock.monotonicMs());
    return Math.max(longestMs - spentMs, Math.min(longestMs, leastLastAttemptMs));
  }

  /** In the order of starting. Read backwards it is the way of the data, so that a stop loses nothing. */
  private inOrder(
    parts: Parts,
    status: StatusService,
    lostBefore: Parameters<LossSummary['start']>[0],
  ): readonly Part[] {
    const { aggregates, collectors, counters, history, host, link, operational, outbox, spool } =
      parts;
    const { clockWatch, lossSummary } = this;
    return [
      {
        name: 'the history',
        start: () => void history.start(),
        stop: () => history.close(),
      },
      { name: 'the spool', stop: () => spool.close() },
      { name: 'the status', start: () => status.start(), stop: () => status.stop() },
      { name: 'the counters', stop: () => counters.save() },
      {
        name: 'the summary of losses',
        start: () => lossSummary.start(lostBefore),
        stop: () => lossSummary.stop(),
      },
      { name: 'the connection', stop: () => link.stop() },
      {
        name: 'the watch over the certificate',
        start: () => parts.certificate?.start(),
        stop: () => parts.certificate?.stop(),
      },
      { name: 'the twin', start: () => parts.twin.start(), stop: () => parts.twin.stop() },
      // They are read while others start.
      { name: 'the reading of rules', start: () => parts.detection.start() },
      { name: 'the uplink', start: () => parts.uplink.start(), stop: () => parts.uplink.stop() },
      {
        name: 'the sending of what waits',
        stop: () => parts.uplink.flush(this.lastAttemptMs()),
      },
      { name: 'the journal of events', stop: () => outbox.flush() },
      { name: 'the alerts', stop: () => parts.alerts.stop() },
      { name: 'the aggregates', start: () => aggregates.start(), stop: () => aggregates.stop() },
      { name: 'the statistics', start: () => operational.start(), stop: () => operational.stop() },
      { name: 'the diagnostics', stop: () => parts.diagnostics.stop() },
      { name: 'the memory of the collectors', stop: () => this.collectorMemory.save() },
      { name: 'the readers of the kernel', start: () => host.start(), stop: () => host.stop() },
      {
        name: 'the posture',
        start: () => this.posture.start(),
        stop: () => this.posture.stop(),
      },
      {
        name: 'the rules of detection',
        start: () => this.rulesAreRead(parts.detection),
        stop: () => parts.detection.stop(),
      },
      { name: 'the collectors', start: () => collectors.start(), stop: () => collectors.stop() },
      {
        name: 'the watch over its own absences',
        start: () => this.absence?.start(),
        stop: () => this.absence?.stop(),
      },
      parts.maintenance,
      { name: 'what an earlier run left behind', start: () => host.tidy() },
      { name: 'the attempts to connect', start: () => this.connect(link) },
      {
        name: 'the watch over the clock',
        start: () => clockWatch.start(),
        stop: () => clockWatch.stop(),
      },
    ];
  }

  /** What is watched from now on is judged. A device on which this takes long watches nevertheless, and counts. */
  private async rulesAreRead(detection: Parts['detection']): Promise<void> {
    const late = (): Error => new Error('late');
    const { clock } = this.options;
    await withDeadline(clock, longestReadingMs, detection.settled(), late).catch(() => undefined);
  }

  private connect(link: Parts['link']): void {
    const { certificate } = this.parts ?? {};
    link.listen({
      onState: ({ name }) => {
        this.options.onStatusLine?.();
        if (name === 'connected') void certificate?.look();
      },
    });
    link.start();
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
      failedSends: parts.uplink.silence().failedInARow,
      spool: parts.spool.stats(),
      spoolProblem: parts.spool.problem,
      collectors: parts.collectors.states(),
    });
  }

  private createHost(fileScans: KeptScan, lastAuditPlace: AuditPlace | undefined): ManagedHost {
    const { clock, environment, libc, local, log } = this.options;
    return createHost({
      ...(libc === undefined ? {} : { libc }),
      clock,
      settings: local,
      twin: this.settings,
      fileScans,
      memory: this.collectorMemory,
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
      posture: this.posture.memory(),
      ...(this.absence === undefined ? {} : { lastBeat: this.absence.memory() }),
      ...(place === undefined ? {} : { audit: { ...place } }),
    };
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
    this.options.log.warn(sentence);
    this.parts?.diagnostics.tell('Warning', sentence);
  }

  /** The log, of which the hub is told every error. */
  private telling(log: Log): Log {
    return {
      ...log,
      error: (message, fields) => {
        log.error(message, fields);
        this.parts?.diagnostics.tell('Error', message);
      },
    };
  }

  private status(): JsonObject {
    const { parts } = this;
    return agentStatus({
      startedMs: this.startedMs,
      desiredVersion: parts?.twin.desiredVersion ?? 0,
      dialect: this.settings.dialect,
      disabledEvents: this.options.local.disabledEvents,
      problems: this.settings.problems,
      collectors: parts?.collectors.states() ?? {},
      losses: this.losses.snapshot(),
      detection: parts?.detection.reported(),
      certificateValidToMs: parts?.certificate?.validToMs,
      ...(parts === undefined || this.options.local.maxUnitsPerDay === 0
        ? {}
        : { units: unitsOf(parts.uplink) }),
    });
  }
}

/** However long the rest of a stop took: a hub that answers takes what waits in this time. */
const leastLastAttemptMs = 1_000;
const longestReadingMs = 3_000;

function unitsOf(uplink: Uplink): { today: number; cap: number; lowDelays: number } {
  const { unitsToday, maxUnitsPerDay, lowDelays } = uplink.stats();
  return { today: unitsToday, cap: maxUnitsPerDay, lowDelays };
}
