import { reasonOf } from '../../base/errors.js';
import type { ProgramAnswer } from '../inventory/answer.js';
import { failureOf } from '../inventory/failure.js';
import { parseSave, type SavedTables } from './iptables/save.js';
import type { KernelTables } from './kernel-tables.js';
import { parseRuleset, type Ruleset } from './nftables/ruleset.js';

/** What the programs of the packet filter told. */
export interface Told {
  /** Undefined where nft told nothing. */
  readonly ruleset: Ruleset | undefined;
  readonly saved: readonly SavedTables[];
  /** What cannot be seen and why, a sentence each. Empty: there are no rules but those that were told. */
  readonly unseen: readonly string[];
}

/** @param programs answers of the inventory `firewall`; those that are missing were not to be had */
export async function readAnswers(
  programs: readonly ProgramAnswer[],
  kernel: KernelTables,
): Promise<Told> {
  const answers = new Map(programs.map((answer) => [answer.program, answer]));
  const unseen: string[] = [];
  const ruleset = await readNft(answers.get('nft'), kernel, unseen);
  const saved: SavedTables[] = [];
  for (const family of ['ip', 'ip6'] as const)
    saved.push(...(await readSaves(answers, family, kernel, unseen)));
  return { ruleset, saved, unseen };
}

async function readNft(
  answer: ProgramAnswer | undefined,
  { nfTables }: KernelTables,
  unseen: string[],
): Promise<Ruleset | undefined> {
  const none = { chains: [], unparsed: 0 };
  if (nfTables === false) return none;
  if (answer?.outcome === 'notLoaded') {
    if (nfTables === undefined) return none;
    unseen.push('Rules of nftables: the kernel loaded it after nft would have been asked.');
    return undefined;
  }
  if (answer === undefined || answer.outcome === 'absent') {
    const has = nfTables === true ? 'has' : 'may have';
    unseen.push(`Rules of nftables, which the kernel ${has}: nft is not installed.`);
    return undefined;
  }
  const failure = failureOf(answer, answer.program);
  if (failure !== undefined) {
    unseen.push(`Rules of nftables: ${failure}`);
    return undefined;
  }
  try {
    return await parseRuleset(answer.stdout);
  } catch (error) {
    unseen.push(`Rules of nftables: ${reasonOf(error)}`);
    return undefined;
  }
}

/** The legacy tables have a program of their own since iptables 1.8; before, the only one was it. */
async function readSaves(
  answers: ReadonlyMap<string, ProgramAnswer>,
  family: 'ip' | 'ip6',
  { legacy }: KernelTables,
  unseen: string[],
): Promise<SavedTables[]> {
  const names = [`${family}tables-legacy-save`, `${family}tables-save`];
  const given = names.flatMap((name) => answers.get(name) ?? []);
  const read: { readonly answer: ProgramAnswer; readonly tables: SavedTables }[] = [];
  for (const answer of given)
    if (answer.outcome === 'ended' && answer.exitStatus === 0)
      read.push({ answer, tables: await parseSave(answer.stdout, family) });
  const ofLegacy = read.find(
    ({ answer, tables }) => tables.backend === 'legacy' || speaksOfLegacy(answer),
  );
  const ofNft = read.find(({ tables }) => tables.backend === 'nft');
  const holdsNone =
    legacy[family]?.length === 0 ||
    given.some((answer) => answer.outcome === 'notLoaded' && answer.program.includes('legacy'));
  if (ofLegacy === undefined && !holdsNone) {
    const failed = given.find(({ outcome }) => outcome !== 'absent' && outcome !== 'notLoaded');
    const why = failed === undefined ? undefined : failureOf(failed, failed.program);
    const found = legacy[family]?.join(', ');
    const what = found === undefined ? 'of which there may be some' : `of the tables ${found}`;
    unseen.push(
      `Legacy rules of ${family}tables, ${what}: ${why ?? `${family}tables-legacy-save is not installed.`}`,
    );
  }
  return [ofLegacy, ofNft].flatMap((one) => (one === undefined ? [] : one.tables));
}

/** Without tables it prints nothing, and so does not say which program it is; its file does. */
function speaksOfLegacy({ path, program, stdout }: ProgramAnswer): boolean {
  if (stdout.trim() !== '') return false;
  return program.includes('legacy') || (path !== undefined && !path.includes('nft'));
}
