import { connect } from 'node:net';
import { type Clock, systemClock } from '../../base/clock.js';
import { hasCode, plainReason, reasonOf } from '../../base/errors.js';
import { Turns } from '../../base/turns.js';
import type { Unavailable } from '../../base/unavailable.js';
import { type InventoryAnswer, readInventoryAnswer } from './answer.js';
import { type InventoryName, longestOutput, longestRunMs } from './names.js';

/** What needs a program, which the agent's process never starts: another process is asked, and says it. */
export interface Inventory {
  /**
   * Resolves with what a run of the inventory process found, or with why there is no answer and what to do. Rejects only
   * when `signal` is aborted.
   */
  ask(name: InventoryName, signal: AbortSignal): Promise<InventoryAnswer | Unavailable>;
}

/** JSON writes a quote as two characters; an answer has one long output, or several short ones. */
const mostBytes = 2 * longestOutput + 1024 * 1024;

/** So long after an answer processes that gave it may still be told: on a busy device their hashes are waited for. */
const afterglowMs = 15_000;

/**
 * Asks the inventory process over its sockets, of which each has the name of an inventory.
 * One run at a time: each is a process of its own, and a device has little memory. Memory: one answer of `mostBytes`.
 */
export class InventoryClient implements Inventory {
  readonly #turns = new Turns();

  #asked = 0;
  #answeredMs = -Infinity;

  /** @param directory where the sockets are */
  constructor(
    private readonly directory: string,
    private readonly clock: Clock = systemClock,
  ) {}

  /** Whether there may be processes of an inventory, or were a moment ago. */
  get mayRun(): boolean {
    return this.#asked > 0 || this.clock.monotonicMs() - this.#answeredMs < afterglowMs;
  }

  async ask(name: InventoryName, signal: AbortSignal): Promise<InventoryAnswer | Unavailable> {
    this.#asked++;
    try {
      return await this.#turns.run(() => this.#askNow(name, signal));
    } finally {
      this.#asked--;
      this.#answeredMs = this.clock.monotonicMs();
    }
  }

  async #askNow(name: InventoryName, signal: AbortSignal): Promise<InventoryAnswer | Unavailable> {
    signal.throwIfAborted();
    const path = `${this.directory}/${name}`;
    let text: string;
    try {
      text = await readAnswer(path, signal);
    } catch (error) {
      signal.throwIfAborted();
      return { unavailable: whyUnanswered(error, name, this.directory) };
    }
    const log = `see journalctl -u 'iot-security-agent-inventory-${name}@*'`;
    if (text === '')
      return { unavailable: `The inventory process at ${path} ended without an answer; ${log}.` };
    try {
      return readInventoryAnswer(text, name);
    } catch (error) {
      return {
        unavailable: `The answer of the inventory process at ${path} ${reasonOf(error)}; ${log}.`,
      };
    }
  }
}

/** Why the inventory process gave no answer, and what to do. */
export function whyUnanswered(error: unknown, name: InventoryName, directory: string): string {
  const path = `${directory}/${name}`;
  if (hasCode(error, 'ENOENT', 'ECONNREFUSED', 'ENOTDIR'))
    return `The inventory process, which runs what needs a program, cannot be asked: nobody serves ${path}. Start its socket with systemctl enable --now iot-security-agent-inventory-${name}.socket or, without systemd, run iot-security-agent inventory --listen ${directory} as root.`;
  if (hasCode(error, 'EACCES', 'EPERM'))
    return `The inventory process may be asked by root and the group iot-security-agent alone (${path} is closed to user ${process.geteuid?.() ?? '?'}); use sudo, or join the group.`;
  return `The inventory process at ${path} did not answer: ${plainReason(error)}.`;
}

/** Everything until the other side ends; empty when it went without a word. */
function readAnswer(path: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const socket = connect(path);
    const giveUp = (sentence: string) => () => socket.destroy(new Error(sentence));
    const abort = giveUp('nobody waits for it any more');
    const deadline = setTimeout(
      giveUp(`it took longer than ${longestRunMs / 1000} s`),
      longestRunMs + 1_000,
    );
    signal.addEventListener('abort', abort);
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > mostBytes) giveUp(`its answer has more than ${mostBytes} bytes`)();
    });
    socket.once('error', (error) => {
      // systemd closes a connection at once when there are as many as it serves.
      if (hasCode(error, 'ECONNRESET', 'EPIPE') && length === 0) resolve('');
      else reject(error);
    });
    socket.once('close', () => {
      clearTimeout(deadline);
      signal.removeEventListener('abort', abort);
      resolve(Buffer.concat(chunks).toString('utf8'));
    });
  });
}
