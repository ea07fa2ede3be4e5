import { type Unavailable, isUnavailable } from '../../../base/unavailable.js';
import type { Host } from '../../interface/host.js';
import type { OpenSource, Source, Told } from '../../interface/source.js';
import type { FileCallEvent } from '../../kernel/audit/file-call.js';
import type { Places } from '../places/places.js';
import type { Doer, FileFacts, Touch } from './touch.js';

/** What the sources follow; the collector keeps it up to date. */
export interface Followed {
  readonly places: Places;
  /** What audit cannot tell of these places; '' when it can. */
  readonly limitation: string;
  /** Directories that are watched, of the device. */
  readonly directories: ReadonlySet<string>;
  /** Is told each directory that comes to them; one listener at a time. */
  onDirectory: ((path: string) => void) | undefined;
  /** The covered paths that a call may have changed. */
  touchesOf(call: FileCallEvent, doer: () => Doer): readonly Touch[];
}

/** Changes as inotify tells them: at once, and without who made them. */
export function inotifySource(followed: Followed): Source<FileFacts> {
  return {
    name: 'inotify',
    open: async (host, told) => {
      const opened = await openInotify(followed, host, told);
      if (!isUnavailable(opened)) {
        const limitation = ['Who changed a file is not known.', opened.refused].filter(Boolean);
        told.onState({ source: 'inotify', limitation: limitation.join(' ') });
      }
      return opened;
    },
  };
}

interface OpenInotify extends OpenSource {
  /** Why a path is not watched, so that only looks tell its changes; '' when all are. */
  readonly refused: string;
}

/** Opens the watch alone, and tells no state. */
export async function openInotify(
  followed: Followed,
  host: Host,
  told: Told<FileFacts>,
): Promise<OpenInotify | Unavailable> {
  const { places } = followed;
  const { root } = places;
  const opened = await host.fileEvents.subscribe({
    paths: [],
    onEvent: ({ path }) => {
      told.onFacts({ path: path.slice(root.length), timeMs: host.clock.wallMs() });
    },
    onMissed: () => told.onFacts('missed'),
    lose: told.lose,
    onFailed: told.onFailed,
  });
  if (isUnavailable(opened)) return opened;
  let refused = '';
  const watch = (path: string): void => {
    refused = opened.watch(root + path)?.unavailable ?? refused;
  };
  for (const { path } of places.all) watch(path);
  for (const path of followed.directories) watch(path);
  followed.onDirectory = watch;
  return {
    refused,
    end: () => {
      if (followed.onDirectory === watch) followed.onDirectory = undefined;
      opened.end();
      return Promise.resolve();
    },
  };
}
