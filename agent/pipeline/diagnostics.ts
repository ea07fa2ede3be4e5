/**
 * What the agent tells the hub about itself in sentences (`Diagnostic`).
 *
 * 1. A sentence that is new is told at once; the same again within the hour is counted, and told once more when the hour
 *    is over, with how often and when it came.
 * 2. At most twenty different ones are told within an hour; how many more there were is told at its end.
 * 3. Secrets are masked. Memory: twenty sentences of at most 500 characters, as the retired agent sent.
 */
import { randomUUID } from 'node:crypto';
import type { Clock, Timer } from '../../base/clock.js';
import { printable } from '../../base/text.js';
import { utcText } from '../../base/timestamps.js';
import type { Details, Payload } from '../../contract/events.js';
import type { Pipeline } from './pipeline.js';
import type { Redactor } from './redaction/redactor.js';

export type DiagnosticSeverity = Payload<'Diagnostic'>['Severity'];

interface DiagnosticsOptions {
  readonly clock: Clock;
  readonly pipeline: Pick<Pipeline, 'tell'>;
  readonly redactor: Redactor;
}

interface Sentence {
  readonly severity: DiagnosticSeverity;
  /** Since it was told. */
  repeats: number;
  firstMs: number;
  lastMs: number;
}

const hourMs = 3_600_000;
const mostSentences = 20;
const longestSentence = 500;

export class Diagnostics {
  private readonly sentences = new Map<string, Sentence>();
  private untold = 0;
  private timer: Timer | undefined;
  private readonly run = randomUUID();

  constructor(private readonly options: DiagnosticsOptions) {}

  /** @param sentence as it stands in the log */
  tell(severity: DiagnosticSeverity, sentence: string): void {
    const { clock, redactor } = this.options;
    const text = printable(redactor.redact([sentence]).join(' '), longestSentence);
    const nowMs = clock.wallMs();
    this.timer ??= clock.after(hourMs, () => this.endHour());
    const known = this.sentences.get(text);
    if (known !== undefined) {
      if (known.repeats === 0) known.firstMs = nowMs;
      known.repeats++;
      known.lastMs = nowMs;
    } else if (this.sentences.size >= mostSentences) {
      this.untold++;
    } else {
      this.sentences.set(text, { severity, repeats: 0, firstMs: nowMs, lastMs: nowMs });
      this.send(severity, text, nowMs);
    }
  }

  /** Tells what was counted and is not told yet. */
  stop(): void {
    if (this.timer !== undefined) this.endHour();
  }

  private endHour(): void {
    this.timer?.cancel();
    this.timer = undefined;
    for (const [text, { severity, repeats, firstMs, lastMs }] of this.sentences)
      if (repeats > 0)
        this.send(severity, text, lastMs, {
          HitCount: String(repeats),
          FirstSeenUtc: utcText(firstMs),
          LastSeenUtc: utcText(lastMs),
        });
    if (this.untold > 0)
      this.send(
        'Warning',
        `Within an hour ${this.untold} more sentences were not told, because ${mostSentences} different ones had been; they stand in the log of the agent.`,
        this.options.clock.wallMs(),
      );
    this.sentences.clear();
    this.untold = 0;
  }

  private send(
    severity: DiagnosticSeverity,
    text: string,
    timeMs: number,
    details?: Details<'Diagnostic'>,
  ): void {
    this.options.pipeline.tell(
      'Diagnostic',
      {
        Severity: severity,
        Message: text,
        ProcessId: process.pid,
        ThreadId: process.pid,
        CorrelationId: this.run,
        ...(details !== undefined && { ExtraDetails: details }),
      },
      timeMs,
    );
  }
}
