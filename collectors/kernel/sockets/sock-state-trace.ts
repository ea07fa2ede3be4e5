import { readSync } from 'node:fs';
import type { Clock, Timer } from '../../../base/clock.js';
import type { ReportLoss } from '../../../base/loss.js';
import { isUnavailable, type Unavailable } from '../../../base/unavailable.js';
import type { ByteOrder } from '../byte-order.js';
import type { DescriptorOwner, KernelReader } from '../reader.js';
import { parseEventFormat, parsePageLayout, readPage } from '../trace/trace-page.js';
import type { TraceWish } from '../trace/trace-setup.js';
import type { TraceInstance } from '../trace/tracefs.js';
import { type SocketTransition, transitionFilter, transitionReader } from './sock-state.js';

export interface ObservedTransition extends SocketTransition {
  /** Wall clock, in milliseconds since the epoch. */
  readonly timeMs: number;
}

/** What TCP sockets go through, in every network namespace of the host. */
export interface SocketStates {
  /** Resolves when the kernel records: every transition from then on is told. */
  subscribe(subscriber: SocketStateSubscriber): Promise<SocketStateSubscription | Unavailable>;
  /**
   * Tells the same transitions as long as somebody is subscribed, and opens no trace for it: for whoever can do without.
   *
   * @param onTransitions must not throw
   * @returns what ends it
   */
  follow(onTransitions: SocketStateSubscriber['onTransitions']): () => void;
}

export interface SocketStateSubscriber {
  /** In the order they happened; must not throw. */
  readonly onTransitions: (transitions: readonly ObservedTransition[]) => void;
  readonly lose: ReportLoss;
  /** The trace ended for good and the subscription with it; subscribe again later. */
  readonly onFailed: (error: Error) => void;
}

export interface SocketStateSubscription {
  /** What the kernel recorded up to now and was not told yet, in order; it will be told all the same. Never throws. */
  untold(): readonly ObservedTransition[];
  /** Tells what was recorded; the last of all ends removes the trace from the kernel. Never throws. */
  end(): void;
}

interface SocketStateTraceOptions {
  readonly reader: Pick<KernelReader, 'add' | 'remove'>;
  readonly clock: Clock;
  readonly byteOrder: ByteOrder;
  readonly openInstance: (event: string, filter: string) => TraceInstance | Unavailable;
  /** CLOCK_MONOTONIC in nanoseconds, which is the clock of the trace. */
  readonly monotonicNs?: () => number;
  /** One page of a descriptor into the buffer: its bytes, 0 when there is none now. Throws what the kernel says. */
  readonly readPage?: (descriptor: number, page: Buffer) => number;
}

const event = 'sock/inet_sock_set_state';
/** What is traced, for whoever prepares an instance. */
export const socketStateWish: TraceWish = { event, filter: transitionFilter };
/** Each processor has a buffer of its own, so that what is read first need not be what happened first. */
const orderDelayMs = 20;
const pagesPerTurn = 64;
const mostHeld = 65_536;
/** An event that was begun on another processor may be finished a little later. */
const marginNs = 1_000_000;

/**
 * The changes of state of all TCP sockets, from the trace of the kernel.
 *
 * 1. Transitions are told in the order of their time, whichever processor they happened on.
 * 2. What the kernel overwrote before it was read is counted, and what cannot be parsed too, for every subscriber.
 * 3. All subscribers share one trace, which is there from the first subscription to the end of the last.
 * 4. After its end nothing is told to a subscriber.
 */
export class SocketStateTrace implements SocketStates {
  private trace: OpenTrace | undefined;
  private readonly followers = new Set<SocketStateSubscriber['onTransitions']>();

  constructor(private readonly options: SocketStateTraceOptions) {}

  follow(onTransitions: SocketStateSubscriber['onTransitions']): () => void {
    this.followers.add(onTransitions);
    return () => void this.followers.delete(onTransitions);
  }

  subscribe(subscriber: SocketStateSubscriber): Promise<SocketStateSubscription | Unavailable> {
    const trace = this.trace?.isOpen === true ? this.trace : this.open();
    if (isUnavailable(trace)) return Promise.resolve(trace);
    this.trace = trace;
    return Promise.resolve(trace.add(subscriber));
  }

  private open(): OpenTrace | Unavailable {
    const instance = this.options.openInstance(event, transitionFilter);
    if (isUnavailable(instance)) return instance;
    let opened: OpenTrace | Unavailable;
    try {
      opened = this.read(instance);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      opened = { unavailable: `The kernel's trace of ${event} could not be read: ${reason}.` };
    }
    if (isUnavailable(opened)) instance.remove();
    return opened;
  }

  private read(instance: TraceInstance): OpenTrace | Unavailable {
    const layout = parsePageLayout(instance.describe('events/header_page'));
    const format = parseEventFormat(instance.describe(`events/${event}/format`));
    const read = format && transitionReader(format, this.options.byteOrder);
    if (layout === undefined || read === undefined) {
      return { unavailable: `This kernel describes its trace of ${event} in an unknown way.` };
    }
    const page = Buffer.alloc(layout.pageBytes);
    const { byteOrder, readPage: readInto = readOnePage } = this.options;
    const takePage: TakePage = (descriptor, held, lose) => {
      const length = readInto(descriptor, page);
      if (length === 0) return false;
      let malformed = 0;
      const result = readPage(page.subarray(0, length), layout, byteOrder, (timeNs, record) => {
        const transition = read(timeNs, record);
        if (transition === 'malformed') malformed++;
        else if (transition !== undefined) held.push(transition);
      });
      if (result.lost > 0) lose('traceOverrun', result.lost);
      if (result.malformed) malformed++;
      if (malformed > 0) lose('unparsed', malformed);
      return true;
    };
    const trace = new OpenTrace(this.options, instance, takePage, this.followers);
    trace.start();
    return trace;
  }
}

/** Reads one page of a descriptor; false when there is none. */
type TakePage = (descriptor: number, held: SocketTransition[], lose: ReportLoss) => boolean;

class OpenTrace {
  private readonly subscribers = new Set<SocketStateSubscriber>();
  private held: SocketTransition[] = [];
  /** Of processors with more to read: up to when they have been read. */
  private readonly behindNs = new Map<number, number>();
  private timer: Timer | undefined;
  private ended = false;

  constructor(
    private readonly options: SocketStateTraceOptions,
    private readonly instance: TraceInstance,
    private readonly takePage: TakePage,
    private readonly followers: ReadonlySet<SocketStateSubscriber['onTransitions']>,
  ) {}

  get isOpen(): boolean {
    return !this.ended;
  }

  start(): void {
    for (const descriptor of this.instance.descriptors) {
      const owner: DescriptorOwner = {
        readable: () => this.drain(descriptor, pagesPerTurn),
        failed: (reason) => this.fail(reason),
      };
      this.options.reader.add(descriptor, owner);
    }
    this.instance.enable();
  }

  add(subscriber: SocketStateSubscriber): SocketStateSubscription {
    // What happened before goes to those who were there.
    this.tellRecorded();
    this.subscribers.add(subscriber);
    return {
      untold: () => {
        if (!this.subscribers.has(subscriber)) return [];
        this.drainAll();
        return this.observed(this.held);
      },
      end: () => this.remove(subscriber),
    };
  }

  private remove(subscriber: SocketStateSubscriber): void {
    if (!this.subscribers.has(subscriber)) return;
    this.drainAll();
    // Reading may have found the trace broken.
    if (!this.subscribers.delete(subscriber)) return;
    if (this.held.length > 0) subscriber.onTransitions(this.observed(this.held));
    if (this.subscribers.size === 0) this.release();
  }

  private drain(descriptor: number, pages: number): 'drained' | 'more' {
    try {
      for (let page = 0; page < pages; page++) {
        if (!this.takePage(descriptor, this.held, (cause, count) => this.lose(cause, count))) {
          this.behindNs.delete(descriptor);
          this.schedule();
          return 'drained';
        }
        const last = this.held.at(-1);
        if (last !== undefined) this.behindNs.set(descriptor, last.timeNs);
      }
    } catch (error) {
      this.fail(error instanceof Error ? error.message : String(error));
      return 'drained';
    }
    if (this.held.length > mostHeld) this.tell(Infinity);
    this.schedule();
    return 'more';
  }

  private drainAll(): void {
    for (const descriptor of this.instance.descriptors) {
      if (!this.ended) this.drain(descriptor, pagesPerTurn);
    }
  }

  private schedule(): void {
    if (this.timer !== undefined || this.ended || this.held.length === 0) return;
    this.timer = this.options.clock.after(orderDelayMs, () => {
      this.timer = undefined;
      this.tellRecorded();
      this.schedule();
    });
  }

  private tellRecorded(): void {
    // Whatever happened before this moment is in one of the buffers, which are all read now.
    const beforeNs = this.nowNs() - marginNs;
    this.drainAll();
    this.tell(Math.min(beforeNs, ...this.behindNs.values()));
  }

  private tell(beforeNs: number): void {
    if (this.ended) return;
    const ready = this.observed(this.held.filter(({ timeNs }) => timeNs < beforeNs));
    this.held = this.held.filter(({ timeNs }) => timeNs >= beforeNs);
    if (ready.length === 0) return;
    for (const { onTransitions } of [...this.subscribers]) onTransitions(ready);
    for (const onTransitions of [...this.followers]) onTransitions(ready);
  }

  private observed(transitions: readonly SocketTransition[]): ObservedTransition[] {
    const offsetMs = this.options.clock.wallMs() - this.nowNs() / 1e6;
    return [...transitions]
      .sort((a, b) => a.timeNs - b.timeNs)
      .map((transition) => ({
        ...transition,
        timeMs: Math.round(offsetMs + transition.timeNs / 1e6),
      }));
  }

  private lose(...loss: Parameters<ReportLoss>): void {
    for (const { lose } of this.subscribers) lose(...loss);
  }

  private nowNs(): number {
    return this.options.monotonicNs?.() ?? Number(process.hrtime.bigint());
  }

  private fail(reason: string): void {
    if (this.ended) return;
    this.release();
    const failed = [...this.subscribers];
    this.subscribers.clear();
    const error = new Error(`The kernel's trace of ${event} ended: ${reason}.`);
    for (const { onFailed } of failed) onFailed(error);
  }

  private release(): void {
    this.ended = true;
    this.timer?.cancel();
    for (const descriptor of this.instance.descriptors) this.options.reader.remove(descriptor);
    this.instance.remove();
  }
}

function readOnePage(descriptor: number, page: Buffer): number {
  try {
    return readSync(descriptor, page, 0, page.length, null);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return 0;
    throw error;
  }
}
