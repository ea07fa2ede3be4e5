import { constants } from 'node:os';
import type { ReportLoss } from '../../../base/loss.js';
import type { Unavailable } from '../../../base/unavailable.js';
import { errnoText, type Libc } from '../libc.js';
import { netlinkProtocols, openNetlink, setReceiveBuffer } from '../netlink.js';
import type { KernelReader } from '../reader.js';
import { parseRuleChanges, type RuleChange } from './rule-change-messages.js';

/** Changes of the rules of nf_tables in the agent's network namespace, as they are made. */
export interface RuleChanges {
  /**
   * Every transaction from then on is told. To be asked only where the kernel has nf_tables: it would load it for this.
   */
  subscribe(subscriber: RuleChangeSubscriber): Promise<RuleChangeSubscription | Unavailable>;
}

export interface RuleChangeSubscriber {
  /** Must not throw. */
  readonly onChange: (change: RuleChange) => void;
  /** News were lost: any rule may have changed. */
  readonly onMissed: () => void;
  readonly lose: ReportLoss;
  /** The kernel tells no more, and the subscription ended. */
  readonly onFailed: (error: Error) => void;
}

export interface RuleChangeSubscription {
  /** Never throws. */
  end(): void;
}

interface RuleChangeReaderOptions {
  readonly libc: Libc;
  readonly reader: Pick<KernelReader, 'add' | 'remove' | 'drain'>;
}

/** NFNLGRP_NFTABLES of `uapi/linux/netfilter/nfnetlink.h`, as a mask. */
const tablesGroup = 1 << 6;
/** A transaction of a thousand rules; more is told as missed, which leads to the same look at the rules. */
const receiveBufferBytes = 512 * 1024;

/**
 * The kernel's news of nf_tables (NETLINK_NETFILTER), which need CAP_NET_ADMIN.
 *
 * 1. Each subscription has a socket of its own, open until its end.
 * 2. Only the kernel is believed; what else arrives counts as unparsed.
 * 3. What does not fit is told as missed: a change is told too often rather than not at all.
 */
export class RuleChangeReader implements RuleChanges {
  constructor(private readonly options: RuleChangeReaderOptions) {}

  subscribe(subscriber: RuleChangeSubscriber): Promise<RuleChangeSubscription | Unavailable> {
    const { libc, reader } = this.options;
    const opened = openNetlink(libc, netlinkProtocols.netfilter, tablesGroup);
    if ('errno' in opened) return Promise.resolve({ unavailable: refusal(opened.errno) });
    const { fd } = opened;
    setReceiveBuffer(libc, fd, receiveBufferBytes);
    let isOpen = true;
    const end = (): void => {
      if (!isOpen) return;
      isOpen = false;
      reader.remove(fd);
      libc.close(fd);
    };
    reader.add(fd, {
      readable: () => this.read(fd, subscriber),
      failed: (reason) => {
        end();
        subscriber.onFailed(new Error(`The kernel's news of the packet filter ended: ${reason}.`));
      },
    });
    return Promise.resolve({ end });
  }

  private read(fd: number, subscriber: RuleChangeSubscriber): 'drained' | 'more' {
    const { lose, onChange, onMissed } = subscriber;
    let unread = 0;
    const drained = this.options.reader.drain(fd, ({ bytes, senderPortId, truncated }) => {
      if (senderPortId !== 0) {
        lose('unparsed', 1);
        return;
      }
      // What a transaction consists of may be longer than is read; the message that ends it comes by itself.
      const { changes, malformed } = parseRuleChanges(bytes);
      if (malformed > 0 && !truncated) {
        lose('unparsed', malformed);
        unread += malformed;
      }
      for (const change of changes) onChange(change);
    });
    if (drained.overflowed) lose('socketOverflow', 1);
    if (drained.overflowed || unread > 0) onMissed();
    return drained.more ? 'more' : 'drained';
  }
}

function refusal(errno: number): string {
  const why = `The kernel does not tell changes of the packet filter: ${errnoText(errno)}.`;
  return errno === constants.errno.EPERM || errno === constants.errno.EACCES
    ? `${why} Give the agent CAP_NET_ADMIN.`
    : why;
}
