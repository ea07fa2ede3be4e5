import type { Unavailable } from '../../../base/unavailable.js';

/** What replacing an agent asks of the device; the steps are told apart from how they are done. */
export interface Host {
  /** Undefined for a unit that systemd does not know. @throws StepError */
  service(unit: string): Promise<ServiceState | undefined>;
  /** Resolves when none of it runs any more. @throws StepError */
  stop(unit: string): Promise<void>;
  /** @param untilItRuns otherwise it is only begun, as for one that may be failing again and again @throws StepError */
  start(unit: string, untilItRuns: boolean): Promise<void>;
  /** @throws StepError */
  enable(service: ServiceState): Promise<void>;
  /** @throws StepError */
  disable(service: ServiceState): Promise<void>;
  /**
   * The audit rules of the kernel, in their order; none where there is no audit. Unavailable where nobody may change them:
   * then they last until the next boot. @throws StepError
   */
  auditRules(): Promise<readonly Buffer[] | Unavailable>;
  /** @throws StepError */
  deleteAuditRule(rule: Buffer): Promise<void>;
  /** One that is there already stays where it is. @param first before all others @throws StepError */
  addAuditRule(rule: Buffer, first: boolean): Promise<void>;
}

export interface ServiceState {
  readonly unit: string;
  readonly isActive: boolean;
  /** `UnitFileState` of systemd: `enabled`, `enabled-runtime`, `disabled`, `static`, … */
  readonly file: string;
  /** Where the unit file lies when a link leads to it, which disabling would take away. */
  readonly linkedFrom?: string;
}

/** A step failed; `message` completes "… could not be done: ". */
export class StepError extends Error {
  override readonly name = 'StepError';
}

/** Whether systemd starts it at the next boot because its file says so. */
export function isEnabled({ file }: ServiceState): boolean {
  return file === 'enabled' || file === 'enabled-runtime';
}
