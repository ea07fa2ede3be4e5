import { createHash } from 'node:crypto';
import type { Clock, Timer } from '../../base/clock.js';
import { reasonOf } from '../../base/errors.js';
import type { JsonObject } from '../../base/json.js';
import type { Log } from '../../base/log.js';
import { printable } from '../../base/text.js';
import { Turns } from '../../base/turns.js';
import type { Settings } from '../../config/settings.js';
import type { TwinSettings } from '../../config/twin-settings.js';
import type { Header, RuleOrigin } from '../../detection/language/document.js';
import { loadRuleReaders } from '../../detection/language/read-rules.js';
import { adjusted } from '../../detection/rules/adjust.js';
import type { RuleDirectory } from '../../detection/rules/read-directory.js';
import { buildRuleSet, type RuleSet } from '../../detection/rules/rule-set.js';
import { findingsIn } from './findings.js';
import { objectionToWriters, SourceReader, stampOf, turn } from './sources.js';
import { reportedSummary, summaryOf, type SupplySummary } from './summary.js';

interface RuleSupplyOptions {
  readonly builtinDirectory: string;
  /** Of the device; need not be there. */
  readonly rulesDirectory: string;
  readonly settings: Pick<Settings, 'current' | 'onChange' | 'setFindings'>;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

interface Reading {
  readonly base: RuleSet;
  readonly problem: string | undefined;
  /** A hash of all that was read. */
  readonly texts: string;
}

/** How soon a change of the files of the device is noticed. */
const lookMs = 60_000;

const noRules: RuleSet = {
  rules: [],
  correlations: [],
  filters: [],
  refusals: [],
  overridden: [],
  notes: [],
};

/** Settings by which rules are read. */
const readKeys = [
  'detectionEnabled',
  'detectionValues',
  'detectionRules',
  'detectionAllowedAddresses',
  'detectionAllowedProcesses',
  'detectionAllowedUsers',
  'detectionConnectionsWindow',
  'detectionFailedLoginsWindow',
  'detectionMaximumConnections',
  'detectionMaximumFailedLogins',
] as const satisfies readonly (keyof TwinSettings)[];

/** Settings by which those that were read are chosen. */
const chosenKeys = [
  'detectionDisabled',
  'detectionLevels',
  'detectionMinimumLevel',
] as const satisfies readonly (keyof TwinSettings)[];

const textOf = (settings: TwinSettings, keys: readonly (keyof TwinSettings)[]): string =>
  JSON.stringify(keys.map((key) => settings[key]));

/**
 * The rules in force: those that the agent brings along, those of the device and those of the twin, of one id the last.
 *
 * 1. There is always a whole set; one that cannot be made leaves the one before.
 * 2. A file that cannot be used is refused alone. What it was before stays in force, where this run has seen it.
 * 3. Rules are read in slices, while events go on; one reading at a time, and the newest settings come last.
 * 4. Files of the device are looked at once a minute, and read when one has changed.
 * 5. What of the settings is not in force as written is told as a problem of them.
 * 6. While detection is switched off there are no rules, and nothing is loaded.
 */
export class RuleSupply {
  private base = noRules;
  private inForce = noRules;
  private texts = '';
  private stamp = '';
  private readMs = 0;
  private problem: string | undefined;
  private readBy = '';
  private chosenBy = '';
  private isWanted = false;
  private isClosed = false;
  private timer: Timer | undefined;
  private unfollow: (() => void) | undefined;
  private readonly turns = new Turns();
  private readonly sources = new SourceReader();
  private readonly listeners = new Set<(set: RuleSet) => void>();

  private constructor(private readonly options: RuleSupplyOptions) {}

  /** Resolves when the rules are read; from then on the settings and the files are followed. Never rejects. */
  static async open(options: RuleSupplyOptions): Promise<RuleSupply> {
    const supply = new RuleSupply(options);
    supply.unfollow = options.settings.onChange(() => supply.follow());
    supply.follow();
    await supply.settled();
    supply.lookLater();
    return supply;
  }

  get current(): RuleSet {
    return this.inForce;
  }

  /** @returns what ends the listening. */
  onChange(listener: (set: RuleSet) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  originOf(rule: Header): RuleOrigin {
    return rule.source;
  }

  summary(): SupplySummary {
    const { base, chosenBy, inForce, problem, readBy, readMs, texts } = this;
    const whole = createHash('sha256').update(JSON.stringify([texts, readBy, chosenBy]));
    const hash = texts === '' ? '' : whole.digest('hex').slice(0, 16);
    return summaryOf(base, inForce, { hash, problem, readMs });
  }

  /** For the reported properties. */
  reported(): JsonObject {
    return reportedSummary(this.summary());
  }

  /** Resolves when what was asked for until now is in force, or cannot be. */
  settled(): Promise<void> {
    return this.turns.settled();
  }

  close(): void {
    this.isClosed = true;
    this.unfollow?.();
    this.timer?.cancel();
  }

  private follow(): void {
    const { current } = this.options.settings;
    if (textOf(current, readKeys) !== this.readBy) this.readSoon();
    else if (textOf(current, chosenKeys) !== this.chosenBy && !this.isWanted) this.choose();
  }

  /** Looks whether a file of the device has changed; resolves when the rules are in force as they are there. */
  async look(): Promise<void> {
    if (!this.options.settings.current.detectionEnabled) return;
    const stamp = await stampOf(this.options.rulesDirectory).catch(() => this.stamp);
    if (stamp !== this.stamp && !this.isClosed) this.readSoon();
    await this.settled();
  }

  private lookLater(): void {
    if (this.isClosed) return;
    this.timer = this.options.clock.after(lookMs, () => {
      void this.look().finally(() => this.lookLater());
    });
  }

  private readSoon(): void {
    if (this.isWanted) return;
    this.isWanted = true;
    void this.turns.run(async () => {
      this.isWanted = false;
      await this.readAll();
    });
  }

  private async readAll(): Promise<void> {
    const { current } = this.options.settings;
    this.readBy = textOf(current, readKeys);
    const began = performance.now();
    try {
      // Before the reading: a change during it is noticed at the next look.
      this.stamp = current.detectionEnabled ? await stampOf(this.options.rulesDirectory) : '';
      const { base, problem, texts } = await this.readBase(current);
      this.base = base;
      this.texts = texts;
      this.setProblem(problem);
      this.readMs = performance.now() - began;
      this.choose();
    } catch (error) {
      this.setProblem(
        `The rules of detection cannot be read: ${printable(reasonOf(error))}. Those that were in force stay so.`,
      );
    }
  }

  private async readBase(settings: TwinSettings): Promise<Reading> {
    if (!settings.detectionEnabled) return { base: noRules, problem: undefined, texts: '' };
    const { builtinDirectory, rulesDirectory } = this.options;
    const directories: readonly RuleDirectory[] = [
      { path: builtinDirectory, origin: 'builtin' },
      { path: rulesDirectory, origin: 'local', optional: true, objection: objectionToWriters },
    ];
    const reader = (await loadRuleReaders())();
    const { problem, read, texts } = await this.sources.read(reader, directories, settings);
    await turn();
    const base = buildRuleSet(read);
    await turn();
    return { base, problem, texts };
  }

  /** Puts what was read in force, with the levels and without the rules that the settings say. */
  private choose(): void {
    const { current } = this.options.settings;
    this.chosenBy = textOf(current, chosenKeys);
    this.inForce = adjusted(this.base, {
      disabled: current.detectionDisabled,
      levels: current.detectionLevels,
      minimum: current.detectionMinimumLevel,
    });
    // What is read next finds what is wrong in the settings that are in force by now.
    if (!this.isWanted)
      this.options.settings.setFindings(
        current.detectionEnabled ? findingsIn(this.base, current) : [],
      );
    for (const listener of [...this.listeners]) listener(this.inForce);
  }

  private setProblem(problem: string | undefined): void {
    if (problem !== undefined && problem !== this.problem) this.options.log.warn(problem);
    this.problem = problem;
  }
}
