import { join } from 'node:path';
import type { Clock, Timer } from '../../base/clock.js';
import { reasonOf } from '../../base/errors.js';
import type { JsonObject } from '../../base/json.js';
import type { Log } from '../../base/log.js';
import { evaluateTwin, type Evaluation } from '../../config/evaluate-twin.js';
import { withOwnersSay } from '../../config/owners-say.js';
import { earlyObjectName } from '../../config/twin-dialects.js';
import type { EventName } from '../../contract/events.js';
import type { Moments } from '../fleet/fleet-moments.js';
import type { LinkListener } from '../hub/link-state.js';
import { stateNames } from '../state/state-directory.js';
import { type Desired, DesiredDocument } from './desired-document.js';
import { microAgentState } from './micro-agent-state.js';
import { ReportedProperties } from './reported.js';
import { settingsInForce } from './settings-in-force.js';
import { TwinFile } from './stored-twin.js';

/** So that a back end that writes without end wears out neither the flash nor the processor of the device. */
const pauseMs = 1000;

/** The part of `HubLink` that this needs. */
interface TwinLink {
  listen(listener: LinkListener): () => void;
  report(patch: JsonObject): Promise<void>;
  readTwin(): void;
}

interface TwinSyncOptions {
  readonly link: TwinLink;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly moments: Pick<Moments, 'nextMs' | 'reportMs'>;
  readonly stateDirectory: string;
  /** The property of the twin that holds the settings. */
  readonly objectName: string;
  readonly evaluate?: typeof evaluateTwin;
  /** Events that the owner of the device has switched off, whatever the twin says. */
  readonly disabledEvents: readonly EventName[];
  /** Whether there is a collector for an event; without one the settings of that event are not in force. */
  readonly produces: (event: string) => boolean;
  /** New settings and the version of the desired properties they come from; 0 when none came from a hub yet. */
  readonly onSettings: (evaluation: Evaluation, version: number) => void;
  /** What `agentStatus` shall say now; asked whenever something is about to be reported. */
  readonly status: () => JsonObject;
  /** What `securityPosture` shall say now. */
  readonly posture: () => JsonObject | undefined;
}

/**
 * The settings as the twin of the module has them: desired properties become settings, and what is in force is reported.
 *
 * 1. There are settings from the start on: those of the stored document, or the defaults.
 * 2. A change of the desired properties is applied at once, unless another was within the last second: then it waits for
 *    the end of that second, with all that come until then. What is applied last is always the newest document.
 * 3. Whatever the number of changes, settings are handed on, stored, logged and reported once per application.
 * 4. Nothing in a twin stops the agent; a document that cannot be evaluated leaves the settings as they are.
 */
export class TwinSync {
  private readonly desired = new DesiredDocument();
  private readonly file: TwinFile;
  private readonly reported: ReportedProperties;
  /** What the twin comes to, from which last good values are taken. */
  private evaluation: Evaluation | undefined;
  /** The same with the say of the owner, which is in force and told. */
  private told: Evaluation | undefined;
  /** What was applied last; `desired` may be ahead of it for the rest of a pause. */
  private applied: Desired = this.desired.desired;
  private saidEarly = false;
  private pause: Timer | undefined;
  private unlisten: (() => void) | undefined;

  constructor(private readonly options: TwinSyncOptions) {
    const { link, log, stateDirectory } = options;
    this.file = new TwinFile(join(stateDirectory, stateNames.desired), log);
    this.reported = new ReportedProperties({
      ...options,
      send: (patch) => link.report(patch),
      configuration: () => settingsInForce(this.told?.reported ?? {}, options.produces),
      microAgentState: () => microAgentState(this.evaluation),
    });
  }

  /** The version of the desired properties that is in force; 0 before the first contact with a hub. */
  get desiredVersion(): number {
    return this.applied.version;
  }

  /** Puts the stored settings, or the defaults, in force, then follows the hub. */
  async start(): Promise<void> {
    const stored = await this.file.load();
    if (stored !== undefined) {
      this.desired.restore(stored);
      this.evaluation = this.evaluate({ [this.options.objectName]: stored.effective });
    }
    this.apply();
    this.unlisten = this.options.link.listen({
      onTwin: ({ desired, reported }) => {
        this.take(() => this.desired.replace(desired));
        // Reports what is in force, also what was applied just now.
        this.reported.hubHas(reported);
      },
      onDesiredPatch: (patch) => this.takePatch(patch),
      onState: ({ name }) => {
        if (name !== 'connected') this.reported.disconnected();
      },
    });
  }

  /** Applies what waits; resolves when the last document is on disk. */
  async stop(): Promise<void> {
    this.unlisten?.();
    this.pause?.cancel();
    this.pause = undefined;
    if (this.waits) this.applyChange();
    this.reported.disconnected();
    await this.file.flushed();
  }

  /** @param urgent true when a source or a limitation changed, false for counters. */
  statusChanged(urgent: boolean): void {
    this.reported.changed(urgent);
  }

  private takePatch(patch: JsonObject): void {
    const isApplied = this.take(() => {
      const outcome = this.desired.patch(patch);
      if (outcome === 'gap') this.options.link.readTwin();
      return outcome === 'applied';
    });
    if (isApplied) this.reported.changed(true);
  }

  /** @returns whether the change, if there was one, is in force now. */
  private take(change: () => boolean): boolean {
    try {
      if (!change() || this.pause !== undefined) return false;
    } catch (error) {
      this.options.log.warn(`The desired properties cannot be used: ${reasonOf(error)}.`);
      return false;
    }
    this.applyChange();
    this.startPause();
    return true;
  }

  private startPause(): void {
    this.pause = this.options.clock.after(pauseMs, () => {
      this.pause = undefined;
      if (!this.waits) return;
      this.applyChange();
      this.startPause();
      this.reported.changed(true);
    });
  }

  private get waits(): boolean {
    return this.applied !== this.desired.desired;
  }

  private applyChange(): void {
    const { version } = this.desired.desired;
    this.options.log.info('The desired properties changed.', { version });
    this.apply();
  }

  private apply(): void {
    this.applied = this.desired.desired;
    const { version, document } = this.applied;
    const evaluation = this.evaluate(document);
    if (evaluation === undefined) return;
    if (evaluation.dialect === 'earlyContract' && !this.saidEarly) {
      const { log, objectName } = this.options;
      log.warn(
        `The twin holds the settings under their name before July 2019, ${earlyObjectName}; they are in force. Move them to ${objectName}.`,
      );
    }
    this.saidEarly = evaluation.dialect === 'earlyContract';
    this.evaluation = evaluation;
    this.told = withOwnersSay(evaluation, this.options.disabledEvents);
    this.options.onSettings(this.told, version);
    if (evaluation.unknownKeys.length > 0) {
      this.options.log.debug('The twin holds settings that this version does not know.', {
        keys: evaluation.unknownKeys.join(' '),
      });
    }
    if (version > 0) void this.file.save({ version, document, effective: evaluation.reported });
  }

  private evaluate(desired: JsonObject): Evaluation | undefined {
    const { evaluate = evaluateTwin, objectName, log } = this.options;
    try {
      return evaluate(desired, this.evaluation?.settings, objectName);
    } catch (error) {
      log.error(`The desired properties could not be evaluated: ${reasonOf(error)}.`);
      return undefined;
    }
  }
}
