import type { Unavailable } from '../../base/unavailable.js';
import { type Host, type ServiceState, StepError } from '../../agent/import/replacement/host.js';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** A device on which services and audit rules change in memory, and each change can be made to fail. */
export class FakeHost implements Host {
  readonly services = new Map<string, Writable<ServiceState>>();
  rules: Buffer[] = [];
  /** What was done, in order. */
  readonly done: string[] = [];
  /** The number of the change that fails, counted from 1; those after it work. */
  failAt = 0;
  /** Set when services of one identity ran at the same time. */
  ranTogether = false;

  add(unit: string, isActive: boolean, file: string): void {
    this.services.set(unit, { unit, isActive, file });
  }

  /** All that an import changes here. */
  state(): unknown {
    return structuredClone({
      services: [...this.services.values()],
      rules: this.rules.map((rule) => rule.toString('hex')),
    });
  }

  service(unit: string): Promise<ServiceState | undefined> {
    const found = this.services.get(unit);
    return Promise.resolve(found && { ...found });
  }

  stop(unit: string): Promise<void> {
    return this.change(`stop ${unit}`, () => (this.named(unit).isActive = false));
  }

  start(unit: string): Promise<void> {
    return this.change(`start ${unit}`, () => {
      this.named(unit).isActive = true;
      const active = [...this.services.values()].filter(({ isActive }) => isActive);
      if (active.length > 1) this.ranTogether = true;
    });
  }

  enable({ file, unit }: ServiceState): Promise<void> {
    return this.change(
      `enable ${unit}`,
      () => (this.named(unit).file = file === 'disabled' ? 'enabled' : file),
    );
  }

  disable({ unit }: ServiceState): Promise<void> {
    return this.change(`disable ${unit}`, () => (this.named(unit).file = 'disabled'));
  }

  auditRules(): Promise<readonly Buffer[] | Unavailable> {
    return Promise.resolve([...this.rules]);
  }

  deleteAuditRule(rule: Buffer): Promise<void> {
    return this.change(
      'delete a rule',
      () => (this.rules = this.rules.filter((other) => !other.equals(rule))),
    );
  }

  addAuditRule(rule: Buffer, first: boolean): Promise<void> {
    return this.change(
      'add a rule',
      () => (this.rules = first ? [rule, ...this.rules] : [...this.rules, rule]),
    );
  }

  private named(unit: string): Writable<ServiceState> {
    const found = this.services.get(unit);
    if (found === undefined) throw new StepError(`no unit ${unit}`);
    return found;
  }

  private change(what: string, work: () => unknown): Promise<void> {
    this.done.push(what);
    if (this.done.length === this.failAt)
      return Promise.reject(new StepError(`${what} is refused`));
    work();
    return Promise.resolve();
  }
}
