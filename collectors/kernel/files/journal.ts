import type { ReportLoss } from '../../../base/loss.js';
import { type Unavailable, isUnavailable } from '../../../base/unavailable.js';
import { errnoText } from '../libc.js';
import type { DescriptorOwner, KernelReader } from '../reader.js';
import type { JournalLibrary, OpenJournal } from './journal-library.js';

/** An entry of the journal with those of the fields asked for that it has. */
export interface JournalEntry {
  readonly timeMs: number;
  readonly fields: ReadonlyMap<string, string>;
}

interface JournalSubscriber {
  /** `FIELD=value`; of one field any may fit, different fields must all. */
  readonly matches: readonly string[];
  readonly fields: readonly string[];
  readonly onEntry: (entry: JournalEntry) => void;
  readonly lose: ReportLoss;
  /** Nothing will come any more. */
  readonly onFailed: (error: Error) => void;
}

/** New entries of the device's journal, as journald writes them. */
export interface JournalSource {
  subscribe(subscriber: JournalSubscriber): Promise<{ end(): void } | Unavailable>;
}

interface JournalOptions {
  readonly reader: Pick<KernelReader, 'add' | 'remove'>;
  readonly load: () => Promise<JournalLibrary | Unavailable>;
  /** Where the files are; undefined for where journald of this device has them. */
  readonly directory: string | undefined;
}

/**
 * The journal through libsystemd, woken by inotify.
 *
 * 1. What is there at the start is passed over; each later entry is told once, in order, also over a rotation.
 * 2. One turn reads at most `entriesPerTurn` entries; then others have theirs.
 * 3. An entry that cannot be read is counted, and the next one is tried; nothing is retried for ever.
 */
export class Journal implements JournalSource {
  constructor(private readonly options: JournalOptions) {}

  async subscribe(subscriber: JournalSubscriber): Promise<{ end(): void } | Unavailable> {
    const { reader, load, directory } = this.options;
    const library = await load();
    if (isUnavailable(library)) return library;
    const journal = library.open(directory, subscriber.matches);
    if (typeof journal === 'number')
      return { unavailable: `The journal cannot be read: ${errnoText(journal)}.` };
    if (journal.sizeBytes === 0) {
      journal.close();
      return {
        unavailable:
          'There is no journal that the agent may read: journald does not run, or CAP_DAC_READ_SEARCH is missing.',
      };
    }
    const { fd } = journal;
    const owner: DescriptorOwner = {
      readable: () => {
        journal.process();
        return readEntries(journal, subscriber);
      },
      failed: (reason) =>
        subscriber.onFailed(new Error(`The journal cannot be read any more: ${reason}.`)),
    };
    reader.add(fd, owner);
    return {
      end() {
        for (let turn = 0; turn < lastTurns && owner.readable() === 'more'; turn++);
        reader.remove(fd);
        journal.close();
      },
    };
  }
}

const entriesPerTurn = 256;
const lastTurns = 16;

function readEntries(journal: OpenJournal, subscriber: JournalSubscriber): 'drained' | 'more' {
  for (let count = 0; count < entriesPerTurn; count++) {
    const moved = journal.next();
    if (moved < 0) {
      subscriber.lose('unparsed', 1);
      return 'drained';
    }
    if (moved === 0) return 'drained';
    subscriber.onEntry(readEntry(journal, subscriber.fields));
  }
  return 'more';
}

function readEntry(journal: OpenJournal, names: readonly string[]): JournalEntry {
  const fields = new Map<string, string>();
  for (const name of names) {
    const value = journal.field(name);
    if (value !== undefined) fields.set(name, value);
  }
  return { timeMs: journal.timeMs(), fields };
}
