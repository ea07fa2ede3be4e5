import { constants } from 'node:os';
import type { Clock } from '../../../base/clock.js';
import { NetlinkError } from '../netlink.js';
import type { StatusChanges } from './changes.js';
import type { AuditControl } from './control.js';
import { type AuditStatus, locked } from './status.js';

interface OwnershipOptions {
  readonly control: AuditControl;
  readonly clock: Clock;
  /** `never`: leave ownership to others even when nobody has it. */
  readonly own: 'auto' | 'never';
  readonly ownPid: number;
  readonly isAlive: (pid: number) => boolean;
}

/**
 * The place of the one process that the kernel sends audit to, instead of printing it (`audit_pid` in
 * `kernel/audit.c`).
 *
 * 1. While the agent has it, a full queue makes no system call wait and a lost record stops no kernel. Where that cannot
 *    be set because audit is locked, it is not claimed.
 * 2. It is claimed only where nobody has it, and not for ten minutes after another had it.
 * 3. What is demanded of the device as the owner is taken back when the place is lost.
 */
export class AuditOwnership {
  private isHeld = false;
  private claimNotBeforeMs = -Infinity;

  constructor(
    private readonly options: OwnershipOptions,
    private readonly changes: StatusChanges,
  ) {}

  get held(): boolean {
    return this.isHeld;
  }

  /** A process that lives, other than the agent, has the place. */
  isOfAnother({ ownerPid }: AuditStatus): boolean {
    const { isAlive, ownPid } = this.options;
    return ownerPid !== 0 && ownerPid !== ownPid && isAlive(ownerPid);
  }

  /** Rejects as the control does. */
  async claimIfFree(status: AuditStatus): Promise<void> {
    const { control, clock, own, ownPid } = this.options;
    if (status.ownerPid === ownPid || own === 'never' || status.enabled === locked) return;
    // An owner that was killed stays registered until the kernel has a record for it.
    if (this.isOfAnother(status)) {
      // Between the stop and the start of a restarting auditd its place must stay free.
      this.claimNotBeforeMs = clock.monotonicMs() + yieldMs;
      return;
    }
    if (clock.monotonicMs() < this.claimNotBeforeMs) return;
    try {
      await control.set('ownerPid', ownPid);
    } catch (error) {
      // Somebody was faster, which is as good.
      if (error instanceof NetlinkError && error.errno === constants.errno.EEXIST) return;
      throw error;
    }
    this.isHeld = true;
    if (status.backlogWaitTime !== undefined) {
      await this.changes.set('backlogWaitTime', status.backlogWaitTime, 0);
    }
    if (status.failure === panics) await this.changes.set('failure', status.failure, prints);
  }

  /** Gives the place up for somebody else who wants it. */
  async yield(): Promise<void> {
    const { clock, control } = this.options;
    this.claimNotBeforeMs = clock.monotonicMs() + yieldMs;
    this.isHeld = false;
    await control.set('ownerPid', 0);
    await this.relax(await control.status());
  }

  /** Notices that the place was taken away. */
  async inspect(status: AuditStatus): Promise<void> {
    if (!this.isHeld || status.ownerPid === this.options.ownPid) return;
    this.isHeld = false;
    await this.relax(status);
  }

  /** Leaves the place free, also that of an owner that is dead; that of a live one is not touched. */
  async end(status: AuditStatus): Promise<void> {
    this.isHeld = false;
    if (status.ownerPid === 0 || this.isOfAnother(status)) return;
    await this.options.control.set('ownerPid', 0);
  }

  /** Takes back what only an owner may demand of the device. */
  private async relax(status: AuditStatus): Promise<void> {
    try {
      await this.changes.takeBack('backlogWaitTime', status);
    } finally {
      await this.changes.takeBack('failure', status);
    }
  }
}

const [prints, panics] = [1, 2];
const yieldMs = 600_000;
