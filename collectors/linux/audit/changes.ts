import type { AuditControl } from './control.js';
import type { AuditStatus, SettableStatus } from './status.js';

export type ChangedStatus = Exclude<SettableStatus, 'ownerPid'>;

/**
 * What the agent changed in the status of audit, so that it can be taken back.
 *
 * 1. The value before the first change is the one that is taken back.
 * 2. A value that somebody else has changed since is left alone.
 */
export class StatusChanges {
  private readonly changes = new Map<ChangedStatus, { readonly before: number; ours: number }>();

  constructor(private readonly control: AuditControl) {}

  /** Sets a value that is not in force yet; rejects as the control does. */
  async set(name: ChangedStatus, before: number, value: number): Promise<void> {
    await this.control.set(name, value);
    const known = this.changes.get(name);
    if (known === undefined) this.changes.set(name, { before, ours: value });
    else known.ours = value;
  }

  /** Takes the change of `name` back if `status` shows that it is still ours; forgets it in any case. */
  async takeBack(name: ChangedStatus, status: AuditStatus): Promise<void> {
    const change = this.changes.get(name);
    this.changes.delete(name);
    if (change !== undefined && status[name] === change.ours) {
      await this.control.set(name, change.before);
    }
  }

  forget(name: ChangedStatus): void {
    this.changes.delete(name);
  }
}
