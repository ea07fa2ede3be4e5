import type { Clock } from '../../base/clock.js';
import type { Log } from '../../base/log.js';
import { unitBytes } from '../hub/message-size.js';

/** So often in a row the oldest message is lost before its size is suspected. */
const patience = 3;
const smallForMs = 60 * 60_000;

/**
 * How large messages may be for the time being. What stands between the agent and the hub may take only smaller ones: a
 * gateway or a proxy that ends the connection over them, a path that drops large packets. The same message would then be
 * sent for ever and everything behind it would wait.
 *
 * 1. When the oldest message was lost three times without an acknowledgement in between, messages are made half as large,
 *    again and again, but never smaller than a metered unit: smaller ones cost more and help nobody.
 * 2. An hour after the last time messages may be as large as before.
 * 3. Events are never cut or dropped for it: one that is larger goes alone.
 */
export class MessageCeiling {
  private ceilingBytes = Infinity;
  private untilMs = 0;
  private lostInARow = 0;

  constructor(
    private readonly clock: Pick<Clock, 'monotonicMs'>,
    private readonly log: Log,
  ) {}

  /** @returns what a message may hold, body and properties, in bytes: at most `configuredBytes` */
  limitBytes(configuredBytes: number): number {
    if (this.clock.monotonicMs() >= this.untilMs) this.ceilingBytes = Infinity;
    return Math.min(configuredBytes, this.ceilingBytes);
  }

  /** Something arrived, so that what is lost later is lost for another reason. */
  acknowledged(): void {
    this.lostInARow = 0;
  }

  /** The connection ended, or was given up, over messages in flight of which the oldest had this size. */
  lost(oldestBytes: number): void {
    this.lostInARow += 1;
    if (this.lostInARow < patience || oldestBytes <= unitBytes) return;
    this.lostInARow = 0;
    this.ceilingBytes = Math.max(unitBytes, Math.floor(oldestBytes / 2));
    this.untilMs = this.clock.monotonicMs() + smallForMs;
    this.log.warn(
      `A message of ${oldestBytes} bytes was not acknowledged ${patience} times in a row. Something on the way may take only smaller ones, so messages are kept under ${this.ceilingBytes} bytes for an hour; see whether a gateway or proxy limits them, and lower maxMessageSizeInBytes in the twin.`,
    );
  }
}
