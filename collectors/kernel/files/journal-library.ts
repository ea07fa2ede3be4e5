import type koffiModule from 'koffi';
import { reasonOf } from '../../../base/errors.js';
import type { Unavailable } from '../../../base/unavailable.js';

/**
 * The few calls of libsystemd (sd-journal(3)) that reading new entries takes. It is a part of every system that has a
 * journal, and it knows what we would have to follow: compact and compressed files, rotation, vacuuming.
 * Every call answers 0 or more on success, the negated errno on failure.
 */
export interface JournalLibrary {
  /**
   * Opens the journal of this device, or the files below `directory`, behind the last entry that fits one of `matches`
   * (`FIELD=value`; different fields must all fit).
   */
  open(directory: string | undefined, matches: readonly string[]): OpenJournal | number;
}

export interface OpenJournal {
  /** Readable when something changed; `process` resets it. */
  readonly fd: number;
  /** Bytes of the files that are open; 0 where there is no journal. */
  readonly sizeBytes: number;
  process(): number;
  /** 1: at the next entry, 0: there is none. */
  next(): number;
  /** A field of the entry, cut at `longestFieldBytes`; undefined when it has none of that name, or it is unreadable. */
  field(name: string): string | undefined;
  /** When journald received the entry. */
  timeMs(): number;
  close(): void;
}

/** Longer than any line that tells of a login. */
const longestFieldBytes = 4096;
/** SD_JOURNAL_LOCAL_ONLY: not the journals that other devices sent here. */
const localOnly = 1;

/** Loads libsystemd; without it the answer says so, and whoever wants the journal does without. */
export async function loadJournalLibrary(): Promise<JournalLibrary | Unavailable> {
  try {
    const { default: koffi } = await import('koffi');
    return bindJournal(koffi);
  } catch (error) {
    return {
      unavailable: `The journal cannot be read without libsystemd.so.0 (${reasonOf(error)}).`,
    };
  }
}

function bindJournal(koffi: typeof koffiModule): JournalLibrary {
  const library = koffi.load('libsystemd.so.0');
  const call = (definition: string): ((...parameters: unknown[]) => number) => {
    const native = library.func(definition);
    return (...parameters) => Number(native(...parameters));
  };
  const openAll = call('int sd_journal_open(_Out_ void **journal, int flags)');
  const openDirectory = call(
    'int sd_journal_open_directory(_Out_ void **journal, const char *path, int flags)',
  );
  const close = library.func('void sd_journal_close(void *journal)');
  const getFd = call('int sd_journal_get_fd(void *journal)');
  const process = call('int sd_journal_process(void *journal)');
  const addMatch = call('int sd_journal_add_match(void *journal, const char *data, size_t size)');
  const setThreshold = call('int sd_journal_set_data_threshold(void *journal, size_t bytes)');
  const getUsage = call('int sd_journal_get_usage(void *journal, _Out_ uint64_t *bytes)');
  const seekHead = call('int sd_journal_seek_head(void *journal)');
  const seekTail = call('int sd_journal_seek_tail(void *journal)');
  const previous = call('int sd_journal_previous(void *journal)');
  const next = call('int sd_journal_next(void *journal)');
  const getTime = call('int sd_journal_get_realtime_usec(void *journal, _Out_ uint64_t *time)');
  const getData = call(
    'int sd_journal_get_data(void *journal, const char *field, _Out_ void **data, _Out_ size_t *size)',
  );

  /** To the end: what is there is passed over. At the end of nothing `next` would never find a first entry. */
  const seekEnd = (journal: unknown): number => {
    const sought = seekTail(journal);
    if (sought < 0) return sought;
    const last = previous(journal);
    return last === 0 ? seekHead(journal) : last;
  };

  return {
    open(directory, matches) {
      const opened: [unknown] = [null];
      const answer =
        directory === undefined ? openAll(opened, localOnly) : openDirectory(opened, directory, 0);
      if (answer < 0) return answer;
      const [journal] = opened;
      const fd = getFd(journal);
      const steps = [
        fd,
        setThreshold(journal, longestFieldBytes),
        ...matches.map((match) => addMatch(journal, match, 0)),
        seekEnd(journal),
      ];
      const failed = steps.find((step) => step < 0);
      if (failed !== undefined) {
        close(journal);
        return failed;
      }
      return {
        fd,
        get sizeBytes() {
          const usage: [number | bigint] = [0];
          return getUsage(journal, usage) < 0 ? 0 : Number(usage[0]);
        },
        process: () => process(journal),
        next: () => next(journal),
        field(name) {
          const data: [unknown] = [null];
          const size: [number | bigint] = [0];
          if (getData(journal, name, data, size) < 0) return undefined;
          const bytes = Buffer.from(koffi.view(data[0], Number(size[0])));
          return bytes.toString('utf8', name.length + 1);
        },
        timeMs() {
          const time: [number | bigint] = [0];
          return getTime(journal, time) < 0 ? 0 : Math.floor(Number(time[0]) / 1000);
        },
        close: () => void close(journal),
      };
    },
  };
}
