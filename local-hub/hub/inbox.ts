import type { ReceivedMessage } from './received-message.js';

/** Older messages are forgotten beyond this, so that a hub left running does not fill the memory. */
const mostKeptBytes = 64 * 1024 * 1024;

interface Waiter {
  readonly satisfied: (messages: readonly ReceivedMessage[]) => boolean;
  readonly resolve: (messages: readonly ReceivedMessage[]) => void;
}

/** The messages that arrived, and those who wait for more. */
export class Inbox {
  #messages: ReceivedMessage[] = [];
  #keptBytes = 0;
  readonly #waiters = new Set<Waiter>();

  get messages(): readonly ReceivedMessage[] {
    return this.#messages;
  }

  add(message: ReceivedMessage): void {
    this.#messages.push(message);
    this.#keptBytes += message.sizeBytes;
    while (this.#keptBytes > mostKeptBytes) {
      this.#keptBytes -= this.#messages.shift()?.sizeBytes ?? 0;
    }
    for (const waiter of [...this.#waiters]) {
      if (waiter.satisfied(this.#messages)) waiter.resolve([...this.#messages]);
    }
  }

  clear(): void {
    this.#messages = [];
    this.#keptBytes = 0;
  }

  /** Resolves with all messages so far once they satisfy; rejects after `timeoutMs`. */
  async await(
    satisfied: (messages: readonly ReceivedMessage[]) => boolean,
    timeoutMs: number,
  ): Promise<readonly ReceivedMessage[]> {
    if (satisfied(this.#messages)) return [...this.#messages];
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        satisfied,
        resolve: (messages) => {
          clearTimeout(timer);
          this.#waiters.delete(waiter);
          resolve(messages);
        },
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        const count = this.#messages.length;
        reject(new Error(`The awaited messages did not arrive in ${timeoutMs} ms; ${count} did.`));
      }, timeoutMs);
      this.#waiters.add(waiter);
    });
  }
}
