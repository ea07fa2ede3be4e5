import type { Log } from '../../base/log.js';
import type { Severity, Tell } from './collector-state.js';

interface AnnouncerOptions {
  /** What the sentences are about: `The snapshot LocalUsers`. */
  readonly subject: string;
  readonly log: Log;
  readonly tell: Tell;
}

/**
 * The sentences on the state of one collector, in the log and to the hub.
 *
 * 1. A sentence is repeated only after another one, or after `forget`: not at every interval and every attempt.
 * 2. The end of a trouble is announced once, and to the hub too, which was told of the trouble.
 */
export class Announcer {
  private said = '';
  /** What was said last is that nothing is seen. */
  private isTrouble = false;

  constructor(private readonly options: AnnouncerOptions) {}

  /** @param severity of what the hub is told, too; without one the sentence is of no trouble */
  say(level: 'info' | 'warn', sentence: string, severity?: Severity): void {
    if (sentence === this.said) return;
    this.said = sentence;
    this.isTrouble = severity !== undefined;
    this.options.log[level](sentence);
    if (severity !== undefined) this.options.tell(severity, sentence);
  }

  /** The collector gives what it should: the end of a trouble, if there was one. */
  works(): void {
    if (!this.isTrouble) return;
    this.isTrouble = false;
    this.said = '';
    const sentence = `${this.options.subject} works again.`;
    this.options.log.info(sentence);
    this.options.tell('Information', sentence);
  }

  /** What was said last is over: it is said again when it is true again. */
  forget(): void {
    this.said = '';
  }
}
