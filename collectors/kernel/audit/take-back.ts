import { existsSync } from 'node:fs';
import type { Clock } from '../../../base/clock.js';
import { isUnavailable } from '../../../base/unavailable.js';
import type { Libc } from '../libc.js';
import { KernelReader } from '../reader.js';
import type { ChangeNote } from './change-note.js';
import { openAuditControl } from './control.js';
import { AuditGuard } from './guard.js';

interface TakeBackOptions {
  readonly libc: Libc;
  readonly clock: Clock;
  /** What the agent that has ended changed. */
  readonly note: ChangeNote;
  /** Something could not be taken back; one sentence. */
  readonly onProblem: (sentence: string) => void;
}

/**
 * Takes back what an agent that has ended left in the kernel's audit: rules, status, ownership. Changes nothing where
 * nothing is left, and says nothing where there is no audit to be left in.
 */
export async function takeBackAudit(options: TakeBackOptions): Promise<void> {
  const { libc, clock, note, onProblem } = options;
  const hasNote = note.read().size > 0;
  const reader = new KernelReader(libc, clock);
  reader.start();
  try {
    const control = openAuditControl({ libc, reader, clock, onReplace: () => undefined });
    if (isUnavailable(control)) {
      if (hasNote) onProblem(control.unavailable);
      return;
    }
    try {
      const guard = new AuditGuard({
        control,
        clock,
        own: 'never',
        ownPid: process.pid,
        isAlive: (pid) => existsSync(`/proc/${pid}`),
        note,
        lose: () => undefined,
        onState: () => undefined,
        onTampering: () => undefined,
        onProblem: (sentence) => {
          if (hasNote) onProblem(sentence);
        },
      });
      await guard.restore();
    } finally {
      control.close();
    }
  } finally {
    await reader.stop();
  }
}
