import { isUnavailable } from '../../../base/unavailable.js';
import type { Subject } from '../../interface/state-subject.js';
import { whileSubscribed } from '../../interface/while-subscribed.js';
import type { FileEvent, FileEventSubscription } from '../../kernel/files/inotify.js';
import type { Paths } from '../../kernel/paths.js';
import { differentDirectories, entriesOf } from './entries.js';
import { initDirectories, initScripts } from './init-scripts.js';
import { systemdDirectories, systemdUnits } from './systemd-units.js';

/** More than any device has; what is beyond is noticed with the next look. */
const mostDirectories = 400;

/** What is started without anybody asking: the units of systemd, and the scripts of OpenRC and SysV. */
export const unit: Subject = {
  name: 'Unit',
  async watch({ changed, fail, host, lose }) {
    const watched = new Set(await watchedDirectories(host.paths));
    const open: { subscription?: FileEventSubscription } = {};
    // The links that start a unit, and its drop-ins, are in directories that come and go.
    const follow = ({ isDirectory, kind, path }: FileEvent): void => {
      if (!isDirectory) return;
      if (kind === 'deleted' || kind === 'movedFrom') {
        if (watched.delete(path)) open.subscription?.unwatch(path);
      } else if ((kind === 'created' || kind === 'movedTo') && watched.size < mostDirectories) {
        if (open.subscription?.watch(path) === undefined) watched.add(path);
      }
    };
    const subscription = await host.fileEvents.subscribe({
      paths: [...watched],
      onEvent: (event) => {
        follow(event);
        changed();
      },
      onMissed: () => changed(),
      lose,
      onFailed: fail,
    });
    if (!isUnavailable(subscription)) open.subscription = subscription;
    return whileSubscribed(subscription);
  },
  async look({ host, signal }) {
    const units = await systemdUnits(systemdDirectories(host.paths), signal);
    for (const [name, text] of await initScripts(host.paths, signal)) units.set(name, text);
    return units;
  },
};

async function watchedDirectories(paths: Paths): Promise<readonly string[]> {
  const directories = [...(await initDirectories(paths))];
  for (const directory of await differentDirectories(systemdDirectories(paths))) {
    directories.push(directory);
    for (const { kind, name } of await entriesOf(directory))
      if (kind === 'directory') directories.push(`${directory}/${name}`);
  }
  return directories.slice(0, mostDirectories);
}
