import type { LocalSettings } from '../../config/local-settings.js';
import { type Left, type Removal, type Removed, removeTree } from './remove-tree.js';
import { type StandardPlaces, standardPlaces, targetsOf } from './targets.js';

interface WipeOptions {
  readonly configFile: string;
  readonly settings: LocalSettings;
  readonly standard?: StandardPlaces;
  /** The kernel is still changed, and the note in the state directory tells what to undo. */
  readonly keepChangeNote?: boolean;
}

/** What `wipe` would remove, without removing anything. */
export function listTraces(options: WipeOptions): Promise<Removal> {
  return go(options, false);
}

/** Removes what the agent keeps on this device: secrets first, so that an interruption leaves none of them. */
export function removeTraces(options: WipeOptions): Promise<Removal> {
  return go(options, true);
}

async function go(options: WipeOptions, act: boolean): Promise<Removal> {
  const { configFile, keepChangeNote = false, settings, standard = standardPlaces } = options;
  const { elsewhere, targets } = targetsOf(configFile, settings, standard, keepChangeNote);
  const removed: Removed[] = [];
  const left: Left[] = [];
  for (const { directory, selection } of targets) {
    const outcome = await removeTree(directory, selection, act);
    removed.push(...outcome.removed);
    left.push(...outcome.left);
  }
  return { removed, left: [...left, ...elsewhere] };
}
