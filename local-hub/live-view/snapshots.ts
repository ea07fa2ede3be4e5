import type { Sentence } from '../../contract/sentences.js';
import type { ViewLine } from './layout.js';

/** One snapshot, or the part of it that one event holds. */
interface SnapshotPart {
  readonly subject: string;
  /** As the event has it; parts of one snapshot have the same. */
  readonly timestamp: string;
  readonly time: Date;
  readonly sentences: readonly Sentence[];
}

interface Seen {
  timestamp: string;
  current: Set<string>;
  before: ReadonlySet<string> | undefined;
}

/** Shows the first snapshot whole, and of the next ones what is new and what is gone. */
export class Snapshots {
  readonly #seen = new Map<string, Seen>();

  linesOf({ subject, timestamp, time, sentences }: SnapshotPart): readonly ViewLine[] {
    const line = (text: string, aside: readonly string[] = []): ViewLine => ({
      time,
      subject,
      text,
      aside,
    });
    const seen = this.#seenAt(subject, timestamp);
    const { before } = seen;
    const fresh = sentences.filter((sentence) => !before?.has(keyOf(sentence)));
    for (const sentence of sentences) seen.current.add(keyOf(sentence));
    const gone = [...(before ?? [])].filter((key) => !seen.current.has(key));
    if (before === undefined) {
      if (sentences.length === 0) return [line('(looked, and found nothing)')];
      return fresh.map(({ text, aside }) => line(text, aside));
    }
    if (fresh.length === 0 && gone.length === 0) return [line(`as before (${seen.current.size})`)];
    return [
      ...fresh.map(({ text, aside }) => line(`${text} is new`, aside)),
      ...gone.map((key) => {
        const { text, aside } = partsOf(key);
        return line(`${text} is gone`, aside);
      }),
    ];
  }

  #seenAt(subject: string, timestamp: string): Seen {
    const last = this.#seen.get(subject);
    if (last?.timestamp === timestamp) return last;
    const next: Seen = { timestamp, current: new Set(), before: last?.current };
    this.#seen.set(subject, next);
    return next;
  }
}

type Shown = Pick<Sentence, 'text' | 'aside'>;

function keyOf({ text, aside }: Shown): string {
  return JSON.stringify({ text, aside });
}

function partsOf(key: string): Shown {
  return JSON.parse(key) as Shown;
}
