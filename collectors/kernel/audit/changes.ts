import type { ChangedStatus, ChangeNote, StatusChange } from './change-note.js';
import type { AuditControl } from './control.js';
import type { AuditStatus } from './status.js';

/**
 * What the agent changed in the status of audit, so that it can be taken back.
 *
 * 1. The value before the first change is the one that is taken back, also when a run that was killed made it.
 * 2. A value that somebody else has changed since is left alone.
 * 3. A change is noted before it is made.
 */
export class StatusChanges {
  private readonly changes: Map<ChangedStatus, StatusChange>;

  constructor(
    private readonly control: AuditControl,
    private readonly note: ChangeNote,
  ) {
    this.changes = new Map(note.read());
  }

  /** Sets a value that is not in force yet; rejects as the control does. */
  async set(name: ChangedStatus, before: number, value: number): Promise<void> {
    this.changes.set(name, { before: this.changes.get(name)?.before ?? before, ours: value });
    this.note.write(this.changes);
    await this.control.set(name, value);
  }

  /** Takes the change of `name` back if `status` shows that it is still ours, and forgets it. */
  async takeBack(name: ChangedStatus, status: AuditStatus): Promise<void> {
    const change = this.changes.get(name);
    if (change !== undefined && status[name] === change.ours) {
      await this.control.set(name, change.before);
    }
    this.forget(name);
  }

  forget(name: ChangedStatus): void {
    if (this.changes.delete(name)) this.note.write(this.changes);
  }
}
