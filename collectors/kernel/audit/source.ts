import type { ReportLoss } from '../../../base/loss.js';
import type { Unavailable } from '../../../base/unavailable.js';
import type { SourceState } from '../source-state.js';
import type { AuditEvent } from './event.js';
import type { FileCall } from './file-calls.js';
import type { SignalCall } from './signal-calls.js';
import type { SyscallName } from './syscalls.js';

/** The audit stream as the collectors see it: shared, started by the first subscriber, undone after the last. */
export interface AuditSource {
  /**
   * Resolves when the rules are in force: every matching event from then on arrives. `Unavailable` when this device
   * cannot give them, with the sentence why; nothing is then left changed.
   */
  subscribe(subscriber: AuditSubscriber): Promise<AuditSubscription | Unavailable>;
}

export interface AuditSubscriber {
  /** For the messages of the feed, for example `ProcessCreate`. */
  readonly name: string;
  /** What the kernel shall record for this subscriber; empty if the records of user space are enough. */
  readonly rules: readonly AuditRule[];
  /**
   * Take part also where the agent may not set rules: then only what the rules of others record is seen, which may be
   * nothing, so that this is for those who ask for audit and nothing else.
   */
  readonly evenWithoutRules?: boolean;
  /**
   * Takes part beside others only: its rules are in force while somebody else subscribes, and go with the last of those.
   * For this alone nobody's audit is switched on; the subscription waits.
   */
  readonly accompanies?: true;
  /** Every event of the stream, whoever's rule caused it; must not throw. */
  readonly onEvent: (event: AuditEvent) => void;
  readonly lose: ReportLoss;
  /** Called before `subscribe` resolves and whenever it changes; `source` is `audit-owner` or `audit-multicast`. */
  readonly onState: (state: SourceState) => void;
  /**
   * Which of the watched paths, of whomever, no rule is in force for, most often because they are not there; called before
   * `subscribe` resolves and whenever it may have changed.
   */
  readonly onUnwatched?: (paths: readonly string[]) => void;
  /** The stream ended for good and the subscription with it; subscribe again later. */
  readonly onFailed: (error: Error) => void;
}

export interface AuditSubscription {
  /** Takes the rules back and, after the last subscription, everything else. Never throws; resolves within 2 s. */
  end(): Promise<void>;
}

/** A rule of the kernel's audit, set for every ABI of the device, never for the agent itself. */
export type AuditRule = CallRule | WatchRule;

/** On the exit of system calls. */
export interface CallRule {
  readonly syscalls: readonly (SyscallName | FileCall | SignalCall)[];
  /** Only calls with this first argument, as 32 bits: what a multiplexed call is to do, or to whom a signal goes. */
  readonly firstArgument?: number;
  /** Only calls of which this argument, counted from 0, has one of these bits: as `-F a1&06000` of auditctl. */
  readonly argumentBits?: { readonly argument: 0 | 1 | 2 | 3; readonly bits: number };
  /** Only calls that succeeded, or only those that returned this (negative) errno. */
  readonly outcome: 'success' | { readonly exit: number };
}

/** On calls that succeeded to change what is at a path, or opened it for writing: as `-p wa` of auditctl. */
export interface WatchRule {
  /** Absolute, without a slash at its end. */
  readonly watch: string;
  /**
   * Everything below the directory `watch`; otherwise the file alone, which may come later as long as its directory is
   * there. A rule on a tree costs each call that changes or opens any file.
   */
  readonly tree: boolean;
}
