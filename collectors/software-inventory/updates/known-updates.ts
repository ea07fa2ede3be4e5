import { readdir, stat } from 'node:fs/promises';
import type { JsonObject } from '../../../base/json.js';
import { isUnavailable } from '../../../base/unavailable.js';
import type { Host } from '../../interface/host.js';
import { failureOf } from '../../inventory/failure.js';
import type { Paths } from '../../kernel/paths.js';
import type { FoundDatabase } from '../databases/files.js';
import { type Counted, type UpdateProgram, updatePrograms } from './programs.js';

/** What the device knows of newer versions of its packages; a member that is absent is not known. */
export interface KnownUpdates extends Partial<Counted> {
  /** Days since the lists of what there is were brought up to date. */
  readonly listsAgeDays?: number;
  /** An update waits for the device to be started anew. */
  readonly rebootRequired?: boolean;
}

const memoryName = 'software-updates';
/** A program takes seconds on a small device: it is asked anew where something changed, or after so long. */
const askedAnewAfterMs = 20 * 3_600_000;
/** A look at packages is given up after two minutes, of which this is a part. */
const longestMs = 45_000;
const dayMs = 86_400_000;
const mostAvailable = 1_000_000;

/** Looks at how old the lists are, and asks the package manager what it knows, if it has any. */
export async function knownUpdates(
  host: Pick<Host, 'clock' | 'inventory' | 'memory' | 'paths'>,
  databases: readonly FoundDatabase[],
  signal: AbortSignal,
): Promise<KnownUpdates> {
  const required = await rebootRequired(host.paths);
  const reboot = required === undefined ? {} : { rebootRequired: required };
  for (const program of updatePrograms) {
    const database = databases.find(({ format }) => format.manager === program.manager);
    if (database === undefined || !(await hasLists(host.paths, program))) continue;
    const listsMs = await newest(host.paths, program.stamps);
    const stamp = `${database.path} ${database.stamp} ${listsMs}`;
    const counted = await remembered(host, program, stamp, signal);
    if (counted === undefined) return reboot;
    const ageMs = Math.max(0, host.clock.wallMs() - listsMs);
    return { ...counted, listsAgeDays: Math.floor(ageMs / dayMs), ...reboot };
  }
  return reboot;
}

async function remembered(
  { clock, inventory, memory }: Pick<Host, 'clock' | 'inventory' | 'memory'>,
  program: UpdateProgram,
  stamp: string,
  signal: AbortSignal,
): Promise<Counted | undefined> {
  const nowMs = clock.wallMs();
  const known = parseCounted(await memory.read(memoryName), stamp, nowMs);
  if (known !== undefined) return known;
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(longestMs)]);
  const answer = await inventory.ask('updates', inTime).catch(() => undefined);
  signal.throwIfAborted();
  if (answer === undefined || isUnavailable(answer)) return undefined;
  const said = answer.programs.find((one) => one.program === program.program);
  if (said === undefined || failureOf(said, program.program) !== undefined) return undefined;
  const counted = program.parse(said.stdout);
  if (counted !== undefined) memory.write(memoryName, { stamp, askedMs: nowMs, ...counted });
  return counted;
}

/** What was found before, if it still holds. */
function parseCounted(
  value: JsonObject | undefined,
  wantedStamp: string,
  nowMs: number,
): Counted | undefined {
  const { askedMs, available, security, stamp } = value ?? {};
  if (stamp !== wantedStamp || !isCount(available) || typeof askedMs !== 'number') return undefined;
  if (nowMs < askedMs || nowMs - askedMs > askedAnewAfterMs) return undefined;
  return { available, ...(isCount(security) && { security }) };
}

const isCount = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= mostAvailable;

async function hasLists({ root }: Pick<Paths, 'root'>, { lists }: UpdateProgram): Promise<boolean> {
  for (const [directory, name] of lists) {
    const names = await readdir(root + directory).catch(() => []);
    if (names.some((found) => name.test(found))) return true;
  }
  return false;
}

/** When one of these changed last; wall clock, ms. */
async function newest({ root }: Pick<Paths, 'root'>, paths: readonly string[]): Promise<number> {
  const times = paths.map(
    async (path) => (await stat(root + path).catch(() => undefined))?.mtimeMs,
  );
  return Math.max(0, ...(await Promise.all(times)).map((time) => Math.floor(time ?? 0)));
}

/** Who notes on Debian and Ubuntu that an update waits for a start; without any of them, that nothing is noted says nothing. */
const noters = [
  '/etc/kernel/postinst.d/unattended-upgrades',
  '/etc/kernel/postinst.d/update-notifier',
  '/usr/share/update-notifier/notify-reboot-required',
];

async function rebootRequired({ root }: Pick<Paths, 'root'>): Promise<boolean | undefined> {
  const isThere = (path: string): Promise<boolean> =>
    stat(root + path).then(
      () => true,
      () => false,
    );
  if (await isThere('/run/reboot-required')) return true;
  for (const noter of noters) if (await isThere(noter)) return false;
  return undefined;
}
