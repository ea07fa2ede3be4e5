import type { Details, Payload } from '../../contract/events.js';
import type { News, SnapshotContext } from '../interface/collector.js';
import type { Unavailable } from '../../base/unavailable.js';
import type { Host } from '../interface/host.js';
import type { InstalledPackage, PackageManager } from './databases/package.js';
import { differences, type Known, lineOf, mostCharacters, parseKnown, toMemory } from './known.js';
import { LicenseLook } from './license-look.js';
import {
  findPackageSources,
  noSources,
  type PackageSources,
  readPackages,
  rpmStamp,
} from './read-packages.js';
import { knownUpdates } from './updates/known-updates.js';

/** So often all packages are told anew, so that whoever lost what was told before has it again. */
const wholeEachMs = 30 * 86_400_000;
const memoryName = 'software-inventory';

type Told = Payload<'SoftwareInventory'>;

/**
 * Tells all packages at the first look and each 30 days, and else those that changed since the look before. Where no
 * database changed, none is read. Memory: of all packages a line each while it looks, of those that it tells the rest.
 */
export async function collect(
  context: SnapshotContext,
): Promise<News<'SoftwareInventory'> | Unavailable> {
  const { host, signal, lose, setSource } = context;
  const nowMs = host.clock.wallMs();
  const sources = await findPackageSources(host.paths);
  const known = parseKnown(await host.memory.read(memoryName));
  const isWhole = known === undefined || nowMs - known.wholeMs >= wholeEachMs;
  if (!isWhole && isUnchanged(sources, known)) {
    const counters = await countersOf(host, sources, known.lines.length, signal);
    setSource({ source: [...known.managers].join(', '), counters });
    return { news: [], told: () => undefined };
  }
  const look = new Look(isWhole ? undefined : known);
  const read = await readPackages(sources, {
    ...host,
    signal,
    onPackage: (found) => look.take(found),
  });
  if (read.managers.size === 0) return { unavailable: read.unseen.join(' ') || noSources };
  if (read.unparsed > 0) lose('unparsed', read.unparsed);
  if (look.leftOut > 0) lose('unparsed', look.leftOut);
  const licenses = new LicenseLook(host, signal);
  const news: Told[] = [];
  for (const found of look.taken(read.managers)) news.push(await payloadOf(found, licenses));
  licenses.end();
  const limitations = [...read.unseen, look.limitation, licenses.limitation].filter(Boolean);
  setSource({
    source: [...read.managers].join(', '),
    counters: await countersOf(host, sources, look.lines.size, signal),
    ...(limitations.length > 0 && { limitation: limitations.join(' ') }),
  });
  const remembered = look.remember(read, isWhole ? nowMs : known.wholeMs);
  return { news, told: () => host.memory.write(memoryName, toMemory(remembered)) };
}

/** What the state of the collector tells beside the news; a number that is not there is not known. */
async function countersOf(
  host: Host,
  { files }: PackageSources,
  packages: number,
  signal: AbortSignal,
): Promise<Record<string, number>> {
  const updates = await knownUpdates(host, files, signal);
  const { available, listsAgeDays, rebootRequired, security } = updates;
  return {
    packages,
    ...(available !== undefined && { updates: available }),
    ...(security !== undefined && { securityUpdates: security }),
    ...(listsAgeDays !== undefined && { updateListsAgeDays: listsAgeDays }),
    ...(rebootRequired !== undefined && { rebootRequired: Number(rebootRequired) }),
  };
}

function isUnchanged({ files, rpm, unseen }: PackageSources, known: Known): boolean {
  const stamps = [
    ...files.map(({ path, stamp }) => [path, stamp] as const),
    ...(rpm === undefined ? [] : [[rpmStamp, rpm] as const]),
  ];
  return (
    unseen.length === 0 &&
    stamps.length > 0 &&
    stamps.length === Object.keys(known.stamps).length &&
    stamps.every(([path, stamp]) => known.stamps[path] === stamp)
  );
}

/** What is to be told of a package. */
interface Finding {
  readonly change: Told['Change'];
  readonly found: InstalledPackage;
  readonly versionBefore?: string;
}

/** The packages of one look beside those of the look before. */
class Look {
  /** Every package that is there. */
  readonly lines = new Set<string>();
  leftOut = 0;
  private characters = 0;
  private readonly knownLines: ReadonlySet<string>;
  /** What is told, if anything, in full. */
  private readonly full = new Map<string, InstalledPackage>();

  /** @param known undefined: all is told */
  constructor(private readonly known: Known | undefined) {
    this.knownLines = new Set(known?.lines);
  }

  get limitation(): string | undefined {
    if (this.leftOut === 0) return undefined;
    return `${this.leftOut} packages are not told: there are more than are remembered.`;
  }

  take(found: InstalledPackage): void {
    const line = lineOf(found);
    if (this.characters + line.length > mostCharacters) {
      this.leftOut++;
      return;
    }
    this.characters += line.length;
    this.lines.add(line);
    if (!this.knownLines.has(line)) this.full.set(line, found);
  }

  /** @param managers whose packages were read */
  taken(managers: ReadonlySet<PackageManager>): Finding[] {
    const { known, full } = this;
    if (known === undefined)
      return [...full.values()].map((found) => ({ change: 'Present', found }));
    // Of what was left out nobody knows whether it is gone.
    const readWhole = this.leftOut > 0 ? new Set<PackageManager>() : managers;
    return differences(known.lines, this.lines, readWhole).flatMap((difference): Finding[] => {
      if (difference.change === 'Removed') return [{ change: 'Removed', found: difference.before }];
      const found = full.get(difference.line);
      if (found === undefined) return [];
      // A manager that could not be asked before has nothing new.
      if (!known.managers.has(found.manager)) return [{ change: 'Present', found }];
      if (difference.change === 'Installed') return [{ change: 'Installed', found }];
      return [{ change: 'Updated', found, versionBefore: difference.before.version }];
    });
  }

  remember({ managers, stamps }: Pick<Known, 'managers' | 'stamps'>, wholeMs: number): Known {
    const before = this.known;
    // What could not be looked at is remembered as it was.
    const kept = (before?.lines ?? []).filter(
      (line) => ![...managers].some((manager) => line.startsWith(`${manager}\t`)),
    );
    return {
      wholeMs,
      stamps,
      managers: new Set([...(before?.managers ?? []), ...managers]),
      lines: [...kept, ...this.lines],
    };
  }
}

async function payloadOf(
  { change, found, versionBefore }: Finding,
  look: LicenseLook,
): Promise<Told> {
  const further = change === 'Removed' ? undefined : await look.of(found);
  const supplier = found.supplier ?? further?.supplier;
  const source = found.source ?? further?.source;
  const details: Details<'SoftwareInventory'> = {
    ...(versionBefore !== undefined && { VersionBefore: versionBefore }),
    ...(source !== undefined && source !== found.name && { SourcePackage: source }),
    ...(found.sourceVersion !== undefined && { SourceVersion: found.sourceVersion }),
    ...(further?.cpe !== undefined && { Cpe: further.cpe }),
    ...((further?.leftOut ?? 0) > 0 && { LicensesLeftOut: String(further?.leftOut) }),
  };
  return {
    Name: found.name,
    Version: found.version,
    Change: change,
    PackageManager: found.manager,
    ...((found.architecture ?? '') !== '' && { Architecture: found.architecture }),
    ...(supplier !== undefined && { Supplier: supplier }),
    ...(further !== undefined &&
      further.licenses.length > 0 && { License: further.licenses.join('; ') }),
    ...(Object.keys(details).length > 0 && { ExtraDetails: details }),
  };
}
