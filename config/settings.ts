import type { Evaluation } from './evaluate-twin.js';
import type { Rejection } from './rejection.js';
import type { TwinDialect } from './twin-dialects.js';
import type { TwinSettings } from './twin-settings.js';

type SettingsListener = (before: TwinSettings, after: TwinSettings) => void;

/** For whoever only asks for the settings in force, some of them: ask whenever they matter. */
export interface CurrentSettings<K extends keyof TwinSettings = keyof TwinSettings> {
  readonly current: Pick<TwinSettings, K>;
}

/**
 * The settings of the twin that are in force, for every part that follows them.
 *
 * 1. There are settings from the start on.
 * 2. A listener is called after each change, in the order in which they began to listen, and sees what was in force
 *    before and what is now; `current` is what is in force now already.
 */
export class Settings implements CurrentSettings {
  private inForce: TwinSettings;
  private found: readonly Rejection[];
  private spoken: TwinDialect;
  private version = 0;
  private laterFound: readonly Rejection[] = [];
  private readonly listeners = new Set<SettingsListener>();
  private readonly findingsListeners = new Set<() => void>();

  constructor({ dialect, settings, problems }: Evaluation) {
    this.inForce = settings;
    this.found = problems;
    this.spoken = dialect;
  }

  get current(): TwinSettings {
    return this.inForce;
  }

  /** What of the desired properties is not in force as it was written. */
  get problems(): readonly Rejection[] {
    return [...this.found, ...this.laterFound];
  }

  /** Those of the problems that were found at once, by the declarations of the settings alone. */
  get rejections(): readonly Rejection[] {
    return this.found;
  }

  /** Those that a part found which puts the settings to use. */
  get findings(): readonly Rejection[] {
    return this.laterFound;
  }

  /** Takes the place of what was found before. */
  setFindings(findings: readonly Rejection[]): void {
    if (JSON.stringify(findings) === JSON.stringify(this.laterFound)) return;
    this.laterFound = findings;
    for (const listener of [...this.findingsListeners]) listener();
  }

  /** @returns what ends the listening. */
  onFindings(listener: () => void): () => void {
    this.findingsListeners.add(listener);
    return () => void this.findingsListeners.delete(listener);
  }

  /** In which of its dialects the twin says them. */
  get dialect(): TwinDialect {
    return this.spoken;
  }

  /** The version of the desired properties that they come from; 0 when they came from no hub yet. */
  get desiredVersion(): number {
    return this.version;
  }

  /** @returns what ends the listening. */
  onChange(listener: SettingsListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  replace({ dialect, settings, problems }: Evaluation, desiredVersion: number): void {
    const before = this.inForce;
    this.inForce = settings;
    this.found = problems;
    this.spoken = dialect;
    this.version = desiredVersion;
    for (const listener of [...this.listeners]) listener(before, settings);
  }
}
