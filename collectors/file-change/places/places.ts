import { posix } from 'node:path';
import type { AuditRule } from '../../kernel/audit/source.js';
import type { Place } from './default-places.js';
import type { Home } from './homes.js';

interface PlacesOptions {
  readonly places: readonly Place[];
  readonly homes: readonly Home[];
  /** Directories of which nothing is told, whatever is asked for. */
  readonly except?: readonly string[];
  /** Of the tree in which the device is; empty on the device itself. */
  readonly root?: string;
}

/** Rules cost each call that changes a file, and 20 ms of the kernel when they are taken back. */
const mostAuditedHomes = 8;
const mostTrees = 24;

/** Which paths are watched, and what the sources need for it. Immutable. */
export class Places {
  readonly all: readonly Place[];
  readonly root: string;
  private readonly except: readonly string[];
  private readonly byPath: ReadonlyMap<string, Place['reach']>;

  constructor(private readonly options: PlacesOptions) {
    const { except = [], homes, places, root = '' } = options;
    this.root = root;
    this.except = except;
    const byPath = new Map<string, Place>();
    for (const place of [...places, ...homes.flatMap((home) => home.places)]) {
      if (this.excepts(place.path)) continue;
      const known = byPath.get(place.path);
      if (known === undefined || widths[place.reach] > widths[known.reach])
        byPath.set(place.path, place);
    }
    this.byPath = new Map([...byPath].map(([path, { reach }]) => [path, reach]));
    this.all = [...byPath.values()];
  }

  /** Two that say the same are the same. */
  get says(): string {
    return this.all.map(({ path, reach }) => `${reach} ${path}`).join(',');
  }

  /** Whether a change of what is at the path is told. */
  covers(path: string): boolean {
    if (this.excepts(path)) return false;
    if (this.byPath.has(path)) return true;
    let above = posix.dirname(path);
    if (this.byPath.get(above) === 'directory') return true;
    for (; above !== '/' && above !== '.'; above = posix.dirname(above))
      if (this.byPath.get(above) === 'tree') return true;
    return false;
  }

  private excepts(path: string): boolean {
    return this.except.some((own) => path === own || isBelow(path, own));
  }

  /** Whether the entries of the directory at the path are watched. */
  entersInto(path: string): boolean {
    const reach = this.byPath.get(path);
    return reach === undefined ? this.covers(`${path}/.`) : reach !== 'file';
  }

  /**
   * The rules of audit: one for the whole of /etc, in which most of it is and little is written; one for each other tree;
   * and for the homes rules on files, which only calls on these files meet.
   */
  auditRules(): readonly AuditRule[] {
    const { homes } = this.options;
    const homePaths = new Set(homes.flatMap(({ places }) => places.map(({ path }) => path)));
    const own = this.all.filter(({ path }) => !homePaths.has(path) && !isBelow(path, '/etc'));
    const isTree = ({ light, reach }: Place): boolean => reach !== 'file' && light !== true;
    const trees = ['/etc', ...own.filter(isTree).map(({ path }) => path)]
      .filter((path, _, all) => !all.some((other) => other !== path && isBelow(path, other)))
      .slice(0, mostTrees);
    const files = [
      ...own.filter((place) => !isTree(place)).map(({ path }) => path),
      ...homes
        .slice(0, mostAuditedHomes)
        .flatMap(({ path }) => audited.map((name) => `${path}/${name}`)),
    ].filter((path) => !trees.some((tree) => isBelow(path, tree)));
    return [
      ...trees.map((path) => ({ watch: this.root + path, tree: true })),
      ...files.map((path) => ({ watch: this.root + path, tree: false })),
    ];
  }

  /** How many homes there are in which audit does not tell who changed something. */
  get homesWithoutWho(): number {
    return Math.max(0, this.options.homes.length - mostAuditedHomes);
  }
}

const widths = { file: 0, directory: 1, tree: 2 } as const;
/** A rule on `.ssh` meets whatever comes, goes or is renamed in it. */
const audited = ['.ssh', '.ssh/authorized_keys', '.bashrc', '.profile', '.bash_profile'];

function isBelow(path: string, directory: string): boolean {
  return path.startsWith(`${directory}/`);
}
