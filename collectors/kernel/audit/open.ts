import { existsSync } from 'node:fs';
import { machine } from 'node:os';
import type { Clock } from '../../../base/clock.js';
import type { Libc } from '../libc.js';
import { readBounded } from '../processes/proc.js';
import type { KernelReader } from '../reader.js';
import { openAuditControl } from './control.js';
import { AuditFeed, type AuditFeedOptions } from './feed.js';
import { auditStreams } from './stream.js';
import { systemLog } from './system-log.js';

export interface AuditOptions extends Pick<
  AuditFeedOptions,
  'own' | 'ownPid' | 'note' | 'onTampering' | 'onProblem' | 'unread'
> {
  readonly libc: Libc;
  readonly reader: KernelReader;
  readonly clock: Clock;
  readonly receiveBufferBytes: number;
  /** The socket that systemd handed over under the name `audit`, if it did. */
  readonly handedOver?: number;
}

/** `COMMAND_LINE_SIZE` of x86 and arm64. */
const longestCommandLineBytes = 2048;

/** The audit feed over the kernel of this machine. Nothing is opened before the first subscription. */
export function createAuditFeed(options: AuditOptions): AuditFeed {
  const { libc, reader, clock } = options;
  return new AuditFeed({
    ...options,
    machine: machine(),
    kernelCommandLine:
      readBounded('/proc/cmdline', longestCommandLineBytes)?.toString('latin1') ?? '',
    isAlive: (pid) => existsSync(`/proc/${pid}`),
    openStream: auditStreams(options),
    openControl: (onReplace) => openAuditControl({ libc, reader, clock, onReplace }),
    writeSystemLog: systemLog(libc),
  });
}
