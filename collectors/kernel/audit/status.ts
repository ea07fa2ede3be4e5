/** `struct audit_status` of `uapi/linux/audit.h`, as far as the agent reads it. */
export interface AuditStatus {
  /** 0 off, 1 on, 2 (`locked`) on and locked until the next boot. */
  readonly enabled: number;
  /** What the kernel does when it loses a record: 0 nothing, 1 prints, 2 panics. */
  readonly failure: number;
  /** Process that owns audit, 0 for none. */
  readonly ownerPid: number;
  /** Records that may wait in the kernel. */
  readonly backlogLimit: number;
  /** Records the kernel dropped since boot, or since somebody reset the counter. */
  readonly lost: number;
  /** How long an audited system call waits for a full queue, in jiffies; undefined on kernels before 3.14. */
  readonly backlogWaitTime: number | undefined;
}

/** AUDIT_LOCKED: neither rules nor the status can be changed, except for who owns audit. */
export const locked = 2;

/** What AUDIT_SET can change here: the bit of the mask, and the position of the value in 32-bit words. */
const settable = {
  enabled: { bit: 0x1, word: 1 },
  failure: { bit: 0x2, word: 2 },
  ownerPid: { bit: 0x4, word: 3 },
  backlogLimit: { bit: 0x10, word: 5 },
  backlogWaitTime: { bit: 0x20, word: 9 },
} as const;

export type SettableStatus = keyof typeof settable;

const statusBytes = 40;
/** Kernel 3.10 answers with eight words; later ones add to the end. */
const shortestAnswerBytes = 32;

/** Undefined when the answer is too short to be one. */
export function parseStatus(answer: Buffer): AuditStatus | undefined {
  if (answer.length < shortestAnswerBytes) return undefined;
  const word = (index: number): number => answer.readUInt32LE(index * 4);
  return {
    enabled: word(settable.enabled.word),
    failure: word(settable.failure.word),
    ownerPid: word(settable.ownerPid.word),
    backlogLimit: word(settable.backlogLimit.word),
    lost: word(6),
    backlogWaitTime: answer.length < statusBytes ? undefined : word(settable.backlogWaitTime.word),
  };
}

export function buildStatus(name: SettableStatus, value: number): Buffer {
  const status = Buffer.alloc(statusBytes);
  status.writeUInt32LE(settable[name].bit, 0);
  status.writeUInt32LE(value, settable[name].word * 4);
  return status;
}
