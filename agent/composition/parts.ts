import { uptime } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.js';
import type { JsonObject } from '../../base/json.js';
import type { LogOutput } from '../../base/log-output.js';
import type { Log } from '../../base/log.js';
import type { Unavailable } from '../../base/unavailable.js';
import { version } from '../../base/version.js';
import type { ManagedHost } from '../../collectors/host.js';
import type { Libc } from '../../collectors/kernel/libc.js';
import { readBootId, readBootTimeMs, readStat } from '../../collectors/kernel/processes/proc.js';
import { collectors as registeredCollectors } from '../../collectors/registry.js';
import type { LocalSettings } from '../../config/local-settings.js';
import type { Settings } from '../../config/settings.js';
import type { CountersFile } from '../accounting/counters-file.js';
import type { LossLedger } from '../accounting/losses.js';
import { Detection } from '../detection/detection.js';
import { FleetMoments } from '../fleet/fleet-moments.js';
import { identityPhase } from '../fleet/identity-phase.js';
import { History } from '../history/history.js';
import { HubLink } from '../hub/hub-link.js';
import { largestEventBytes, largestSnapshotBytes } from '../hub/message-size.js';
import { createSdkClient } from '../hub/sdk-client.js';
import { createCredentialSource } from '../identity/credential-source.js';
import { CertificateWatch } from '../identity/certificate-watch.js';
import { loadCertificate } from '../identity/credentials/certificate.js';
import { secretAccess, type SecretAccess } from '../identity/credentials/secret-file.js';
import { readProxy } from '../identity/modes/proxy.js';
import { Aggregates } from '../pipeline/aggregates.js';
import { Alerts } from '../pipeline/alerts.js';
import { Diagnostics } from '../pipeline/diagnostics.js';
import type { KeptScan } from '../maintenance/kept-scan.js';
import { MaintenanceWindow } from '../maintenance/maintenance-window.js';
import { maintenanceMoments } from '../maintenance/moments.js';
import { scanWork } from '../maintenance/scan-work.js';
import { OperationalEvents } from '../pipeline/operational.js';
import { Outbox } from '../pipeline/outbox.js';
import { OwnProcesses } from '../pipeline/own-processes.js';
import { Pipeline } from '../pipeline/pipeline.js';
import { createRedactor } from '../pipeline/redaction/redactor.js';
import type { SecurityPosture } from '../posture/security-posture.js';
import { CorrelationMemory } from '../rule-supply/correlation-memory.js';
import { builtinRulesDirectory, localRulesDirectory } from '../rule-supply/places.js';
import { CollectorsRunner } from '../runner/collectors-runner.js';
import { Spool } from '../spool/spool.js';
import { stateNames } from '../state/state-directory.js';
import { HubTime } from '../time/hub-time.js';
import { UnsetClock } from '../time/unset-clock.js';
import { TwinSync } from '../twin/twin-sync.js';
import { Uplink } from '../uplink/uplink.js';

export interface AgentOptions {
  readonly local: LocalSettings;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Where `log` goes, which may refuse lines; absent where nobody asks. */
  readonly logOutput?: Pick<LogOutput, 'countLost' | 'problem'>;
  readonly environment: NodeJS.ProcessEnv;
  /** The calls of the C library when they are loaded already. */
  readonly libc?: Libc | Unavailable;
  /** What `statusLine` says may have changed. */
  readonly onStatusLine?: () => void;
}

/** Every part of the agent. */
export interface Parts {
  readonly host: ManagedHost;
  readonly history: History;
  readonly spool: Spool;
  readonly outbox: Outbox;
  readonly pipeline: Pipeline;
  readonly aggregates: Aggregates;
  readonly alerts: Alerts;
  readonly detection: Detection;
  readonly link: HubLink;
  readonly uplink: Uplink;
  readonly collectors: CollectorsRunner;
  readonly diagnostics: Diagnostics;
  readonly operational: OperationalEvents;
  readonly maintenance: MaintenanceWindow;
  readonly twin: TwinSync;
  readonly counters: CountersFile;
  readonly hubTime: HubTime;
  /** Where one proves who the device or the module is. */
  readonly certificate: CertificateWatch | undefined;
}

interface PartsOptions extends AgentOptions {
  readonly agentId: string;
  readonly host: ManagedHost;
  /** Numbers that survive restarts; loaded already. */
  readonly counters: CountersFile;
  readonly losses: LossLedger;
  readonly fileScans: KeptScan;
  readonly settings: Settings;
  /** What `agentStatus` in the reported properties is to say. */
  readonly status: () => JsonObject;
  readonly posture: Pick<SecurityPosture, 'took' | 'document'>;
  /** Tells the operator and the hub. */
  readonly warn: (sentence: string) => void;
  /** Something that `status` tells has changed. */
  readonly onStatusChange: () => void;
}

/** The composition root: builds every part and opens its files; starts nothing. Throws when the spool cannot be opened. */
export async function buildParts(options: PartsOptions): Promise<Parts> {
  const { agentId, clock, counters, environment, host, local, log, losses } = options;
  const { onStatusChange, random, settings } = options;
  const history = new History({
    directory: join(local.stateDirectory, stateNames.history),
    limitBytes: local.historyMaxBytes,
    clock,
    lose: (cause, count) => losses.count('history', cause, count),
    onProblem: (problem) => {
      if (problem === undefined) log.info('The history on the device takes events again.');
      else
        log.warn(
          `The history in ${local.stateDirectory} does not take events: ${problem}. They are sent all the same; check its space and its owner.`,
        );
    },
  });
  const spool = await Spool.open({
    directory: join(local.stateDirectory, stateNames.spool),
    limitBytes: settings.current.maxLocalCacheSizeInBytes,
    clock,
    lose: (cause, count, queue) => losses.count(queue ?? 'spool', cause, count),
    onDropped: (events) => history.keep(events, 'neverSent'),
    onProblem: (problem) => {
      if (problem === undefined) log.info('The local cache takes events again.');
      else
        log.warn(
          `The local cache in ${local.stateDirectory} does not take events: ${problem}. They are kept in memory as far as they fit, and written when it takes them again; check its space and its owner.`,
        );
    },
  });
  settings.onChange(() => void spool.setLimit(settings.current.maxLocalCacheSizeInBytes));
  const unsetClock = new UnsetClock({
    wallMs: () => clock.wallMs(),
    uptimeMs: () => uptime() * 1000,
    bootTimeMs: () => readBootTimeMs(host.paths),
    bootId: readBootId(host.paths),
  });
  const outbox = new Outbox({
    spool,
    clock,
    losses,
    maxEventBytes: () => largestEventBytes(settings.current.maxMessageSizeInBytes),
    maxSnapshotBytes: () => {
      const { maxLocalCacheSizeInBytes, maxMessageSizeInBytes } = settings.current;
      return largestSnapshotBytes(maxMessageSizeInBytes, maxLocalCacheSizeInBytes);
    },
    aggregatedCategory: local.aggregatedCategory,
    markTime: (timeMs) => unsetClock.mark(timeMs),
    onAlert: (severity) => uplink.alertWaits(severity),
  });
  const aggregates = await Aggregates.open({
    directory: join(local.stateDirectory, stateNames.aggregates),
    clock,
    outbox,
    losses,
    settings,
    isDurable: () => spool.problem === undefined,
    maxEntries: local.aggregationMaxEntries,
    maxBytes: local.aggregationMaxBytes,
  });
  const detection: Detection = new Detection({
    memory: new CorrelationMemory({
      stateDirectory: local.stateDirectory,
      clock,
      log,
      content: () => detection.memory(),
    }),
    openRules: async () => {
      // What reads rules is loaded by those who have some.
      const { RuleSupply } = await import('../rule-supply/rule-supply.js');
      return RuleSupply.open({
        builtinDirectory: builtinRulesDirectory(),
        rulesDirectory: localRulesDirectory,
        settings,
        clock,
        log,
      });
    },
    isEnabled: () => local.detection && settings.current.detectionEnabled,
    log,
    lose: (cause, count) => losses.count('detection', cause, count),
    warn: options.warn,
    wallMs: () => clock.wallMs(),
    onRules: () => {
      void collectors.followRules();
      onStatusChange();
    },
  });
  settings.onChange(() => detection.start());
  settings.onFindings(() => onStatusChange());
  const alerts = new Alerts({ clock, outbox, losses });
  const redactor = createRedactor(local.redactionPatterns);
  const pipeline = new Pipeline({
    own: new OwnProcesses(
      host.ownPid,
      (pid) => readStat(host.paths, pid)?.parentPid,
      host.inventoryProcesses,
    ),
    redactor,
    maxCommandLineBytes: local.maxCommandLineBytes,
    aggregates: aggregates.coordinator,
    outbox,
    losses,
    settings,
    detection: { rules: detection, alerts },
    onObserved: () => counters.changed(),
    onSnapshot: (name, payloads) => options.posture.took(name, payloads),
  });
  const diagnostics = new Diagnostics({ clock, pipeline, redactor });
  const access = secretAccess(environment);
  const proxy = (): ReturnType<typeof readProxy> => readProxy(local, access);
  const hubTime = new HubTime({
    wallMs: () => clock.wallMs(),
    log,
    timeoutMs: local.requestTimeout.ms,
    proxy,
    onWrongClock: options.warn,
  });
  const source = createCredentialSource(local, {
    access,
    environment,
    hubTimeMs: () => clock.wallMs() + hubTime.correctionMs,
    timeoutMs: local.requestTimeout.ms,
    clock,
    random,
    log,
  });
  const phase = await identityPhase(source, agentId);
  const moments = new FleetMoments(phase, clock, settings);
  const link = new HubLink({
    source,
    createClient: createSdkClient({
      keepAliveMs: local.keepAlive.ms,
      productInfo: `iot-security-agent/${version}`,
      untilRenewalMs: () => moments.renewalMs(),
      wallMs: () => clock.wallMs(),
      clockCorrectionMs: () => hubTime.correctionMs,
      transport: local.transport,
      proxy,
      requestTimeoutMs: local.requestTimeout.ms,
    }),
    clock,
    random,
    log,
    moments,
    requestTimeoutMs: local.requestTimeout.ms,
    compareTime: (whose) => hubTime.compare(whose),
  });
  const uplink: Uplink = new Uplink({
    spool,
    history,
    link,
    clock,
    log,
    moments,
    random,
    lose: (cause, count) => losses.count('uplink', cause, count),
    corrected: (event) => unsetClock.corrected(event),
    onLowDelayed: () => onStatusChange(),
    settings,
    local,
    agentVersion: version,
    agentId,
  });
  const collectors: CollectorsRunner = new CollectorsRunner({
    collectors: registeredCollectors,
    host: host,
    clock,
    log,
    moments,
    losses,
    settings,
    pipeline,
    // Of a micro agent's collector that is disabled nothing is wanted, nor of an event that the owner has switched off.
    isJudged: (name, { detectionOfUnsentEvents }) =>
      detectionOfUnsentEvents &&
      settings.dialect !== 'microAgent' &&
      !local.disabledEvents.includes(name) &&
      detection.asksFor(name),
    onStateChange: () => onStatusChange(),
    tell: (severity, sentence) => diagnostics.tell(severity, sentence),
  });
  const maintenance = new MaintenanceWindow({
    moments: maintenanceMoments({ setting: local.maintenanceWindow, phase, clock, log }),
    longestMs: local.maintenanceDuration.ms,
    work: [scanWork(host, options.fileScans, log)],
    clock,
    log,
  });
  const operational = new OperationalEvents({
    clock,
    pipeline,
    losses,
    settings,
    collected: () => outbox.collectedEvents,
    onMemoryChange: () => counters.changed(),
    sent: () => uplink.sent(),
  });
  const twin = new TwinSync({
    link,
    clock,
    random,
    log,
    moments,
    stateDirectory: local.stateDirectory,
    objectName: local.remoteConfigurationObjectName,
    disabledEvents: local.disabledEvents,
    produces: (event) => registeredCollectors.some(({ name }) => name === event),
    onSettings: (evaluation, version) => settings.replace(evaluation, version),
    status: options.status,
    posture: () => options.posture.document(),
  });
  return {
    host,
    history,
    spool,
    outbox,
    pipeline,
    aggregates,
    alerts,
    detection,
    link,
    uplink,
    collectors,
    diagnostics,
    maintenance,
    operational,
    twin,
    counters,
    hubTime,
    certificate: certificateWatch(options, access),
  };
}

function certificateWatch(
  { clock, local, onStatusChange, warn }: PartsOptions,
  access: SecretAccess,
): CertificateWatch | undefined {
  const { certificateFile } = local.identity;
  if (certificateFile === undefined) return undefined;
  return new CertificateWatch({
    clock,
    warn,
    path: certificateFile,
    read: async () =>
      (await loadCertificate({ ...local.identity, certificateFile }, access)).validToMs,
    onChange: onStatusChange,
  });
}
