import { reasonOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { ReportLoss } from '../../base/loss.js';
import { Turns } from '../../base/turns.js';
import type { SentPriority } from '../../contract/priority.js';
import type { History } from '../history/history.js';
import { unitBytes } from '../hub/message-size.js';
import type { Envelope } from '../hub/message.js';
import { queueOfPriority, type QueueName, type Spool, type StoredEvent } from '../spool/spool.js';
import { buildBatch, type Batch } from './batch.js';

interface MessageSourceOptions {
  readonly spool: Pick<Spool, 'read' | 'acknowledge' | 'stats'>;
  readonly log: Log;
  readonly lose: ReportLoss;
  /** An event as it is to be sent now, see UnsetClock. */
  readonly corrected: (event: StoredEvent) => StoredEvent;
  /** Remembers what has arrived or was given up, before the spool forgets it. */
  readonly history?: Pick<History, 'keep'>;
}

interface MessageRequest {
  readonly priority: SentPriority;
  readonly envelope: Envelope;
  readonly limitBytes: number;
  /** Low events have to wait, except for those that fill a unit which is begun anyway. */
  readonly lowHeld: boolean;
  /** More waits than one message holds: fill it from both queues. */
  readonly fillWhole: boolean;
  /** The other queue is due as well: what there is of it goes along. */
  readonly otherDue: boolean;
}

export interface NextMessage {
  readonly batch: Batch;
  /** Nothing of the queue that was due is left behind. */
  readonly exhausted: boolean;
}

/**
 * The messages that can be made of what the spool holds; what has arrived is forgotten there.
 *
 * 1. A queue is read from the place behind the last message that was handed on, and is only forgotten up to what was
 *    acknowledged; `rewind` goes back to that place.
 * 2. Making a message changes nothing; only `advance` does.
 * 3. What arrived is remembered before it is forgotten, so that no crash loses it in between: at worst it is told twice.
 */
export class MessageSource {
  private cursor: Record<QueueName, number> = { high: 0, low: 0, operational: 0 };
  private readonly done: Record<QueueName, number> = { high: 0, low: 0, operational: 0 };
  private readonly forgetting = new Turns();

  constructor(private readonly options: MessageSourceOptions) {}

  start(): void {
    for (const [queue, { headSequence }] of Object.entries(this.options.spool.stats())) {
      this.done[queue as QueueName] = headSequence;
    }
    this.rewind();
  }

  /**
   * The next message of a priority. Operational events go along; alone they are a message only where the priority is
   * Low or the spool overflows. @returns undefined when there is nothing to send for this priority
   */
  async next(request: MessageRequest): Promise<NextMessage | undefined> {
    const { priority, envelope, limitBytes, lowHeld } = request;
    const { spool, corrected } = this.options;
    const read = async (name: QueueName, after: number, bytes: number): Promise<StoredEvent[]> =>
      (await spool.read(name, after, bytes)).map(corrected);
    const from = { ...this.cursor };
    const mainHeld = priority === 'Low' && lowHeld;
    const queue = queueOfPriority[priority];
    const other = queueOfPriority[priority === 'High' ? 'Low' : 'High'];

    const operational = await read('operational', from.operational, limitBytes);
    const main = mainHeld ? [] : await read(queue, from[queue], limitBytes);
    const together = request.otherDue && main.length > 0;
    const fillWhole = (request.fillWhole || together) && !lowHeld;
    const filling = await read(other, from[other], fillWhole ? limitBytes : unitBytes);

    const worthIt =
      main.length > 0 ||
      (operational.length > 0 && (priority === 'Low' || fillWhole)) ||
      (filling.length > 0 && fillWhole);
    if (!worthIt) return undefined;
    const batch = buildBatch(
      { operational, main, filling },
      { envelope, priority, limitBytes, fillWhole },
    );
    const rest = await spool.read(queue, batch.through[queue] ?? from[queue], 1, 1);
    return { batch, exhausted: rest.length === 0 };
  }

  /** The message was handed on: the next one begins behind it. */
  advance({ through }: Batch): void {
    Object.assign(this.cursor, through);
  }

  /** Goes back to the first event that is not acknowledged. */
  rewind(): void {
    this.cursor = { ...this.done };
  }

  /** The hub has these messages, oldest first. */
  forget(batches: readonly Batch[]): void {
    for (const { events, through, tooLarge } of batches) {
      void this.forgetting.run(() => this.remember(events, tooLarge));
      if (tooLarge.length > 0) this.options.lose('invalidEvent', tooLarge.length);
      for (const [queue, sequence] of Object.entries(through) as [QueueName, number][]) {
        this.done[queue] = sequence;
        void this.forgetting.run(() => this.acknowledge(queue, sequence));
      }
    }
  }

  private async remember(
    sent: readonly StoredEvent[],
    givenUp: readonly StoredEvent[],
  ): Promise<void> {
    const { history } = this.options;
    const textsOf = (events: readonly StoredEvent[]): string[] => events.map(({ json }) => json);
    await history?.keep(textsOf(sent), 'sent');
    await history?.keep(textsOf(givenUp), 'neverSent');
  }

  private async acknowledge(queue: QueueName, sequence: number): Promise<void> {
    try {
      await this.options.spool.acknowledge(queue, sequence);
    } catch (error) {
      this.options.log.warn(
        `Events that were sent could not be removed from the local cache (${reasonOf(error)}); they may be sent once more after a restart.`,
      );
    }
  }

  /** Resolves when everything that arrived is forgotten on disk. */
  settled(): Promise<void> {
    return this.forgetting.settled();
  }
}
