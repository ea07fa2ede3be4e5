import type { Group } from '../kernel/files/account-lines.js';

/** How a group is called of which only the id is known. */
export type MissingName = '(no such group)' | '(not known)';

export interface GroupLists {
  readonly ids: string;
  readonly names: string;
  /** Groups that are not in the two lists, because these would be too long. */
  readonly leftOut: number;
}

interface Membership {
  readonly gid: number;
  readonly name: string;
}

/** Both lists together, in characters: they fit a message of the size that is standard, with room for the rest. */
const longestLists = 128 * 1024;
/** Of all users together; a device that flattened a large directory has some thousands. */
const mostMemberships = 500_000;
const longestName = 256;

/**
 * The groups of users, indexed once by member, so that many groups of many users take the time that reading them takes.
 *
 * 1. Only the members that are asked for are held, and at most `mostMemberships` of them.
 * 2. An id and its name have the same place in the two lists; the primary group comes first, the others in the order of
 *    the file, each pair once.
 */
export class Memberships {
  private readonly byMember = new Map<string, Membership[]>();
  private readonly names = new Map<number, string>();
  private held = 0;
  /** Memberships beyond the bound. */
  dropped = 0;

  /** @param members the names of the users, whose primary groups are `gids` */
  constructor(
    members: Iterable<string>,
    private readonly gids: ReadonlySet<number>,
  ) {
    for (const member of members) this.byMember.set(member, []);
  }

  add({ name, gid, members }: Group): void {
    // Of several names for one id the first counts, as getgrgid(3) has it.
    if (this.gids.has(gid) && !this.names.has(gid)) this.names.set(gid, name);
    for (const member of new Set(members)) {
      const groups = this.byMember.get(member);
      if (groups === undefined) continue;
      if (this.held >= mostMemberships) {
        this.dropped++;
        continue;
      }
      this.held++;
      groups.push({ gid, name });
    }
  }

  /** @param missing how the primary group is called where no group has its id */
  of(member: string, primaryGid: number, missing: MissingName): GroupLists {
    const primary = { gid: primaryGid, name: this.names.get(primaryGid) ?? missing };
    const ids: string[] = [];
    const names: string[] = [];
    const seen = new Set<string>();
    let length = 0;
    let leftOut = 0;
    for (const { gid, name } of [primary, ...(this.byMember.get(member) ?? [])]) {
      const id = String(gid);
      // A semicolon within a name would shift all names after it.
      const shown = name.slice(0, longestName).replaceAll(';', '%3B');
      if (seen.has(`${id};${name}`)) continue;
      seen.add(`${id};${name}`);
      length += id.length + shown.length + 2;
      if (length > longestLists && ids.length > 0) leftOut++;
      else {
        ids.push(id);
        names.push(shown);
      }
    }
    return { ids: ids.join(';'), names: names.join(';'), leftOut };
  }
}
