import { NetlinkError } from '../netlink.js';
import { decodeRule, ruleKey } from './rules.js';

/**
 * The rules that watch paths, as far as they differ from rules on calls: a path may not be there, and the kernel forgets
 * the rule when what it watches goes.
 *
 * 1. A rule that cannot be set stops no other; it is tried again at each inspection.
 * 2. What the kernel removed by itself is no tampering, and is set again.
 */
export class WatchRules {
  wanted: readonly Buffer[] = [];
  private readonly refused = new Set<string>();
  private wentByItself = false;

  /** @param onUnwatched is told the paths of which the rule cannot be set, when they change */
  constructor(private readonly onUnwatched: (paths: readonly string[]) => void) {}

  /**
   * Whether the kernel announced what it did to our rules by itself: it removed one because what it watches went, or
   * follows a file that was replaced. An announcement of what somebody had it do names no path (`audit_log_rule_change` in
   * kernel/auditfilter.c, `audit_watch_log_rule_change` and `audit_tree_log_remove_rule` beside it).
   */
  followed(announcement: string): boolean {
    if (!announcement.includes(`key="${ruleKey}"`) || !/ ?\b(?:path|dir)=/u.test(announcement))
      return false;
    if (/\bop="?remove[_ ]rule\b/u.test(announcement)) this.wentByItself = true;
    return true;
  }

  /** Of the rules that are missing those that somebody must have removed. To be asked once an inspection. */
  takenAway(missing: readonly Buffer[]): readonly Buffer[] {
    const excused = this.wentByItself;
    this.wentByItself = false;
    return missing.filter(
      (rule) => !this.wanted.includes(rule) || !(excused || this.refused.has(idOf(rule))),
    );
  }

  /**
   * Sets a rule, and answers whether the kernel took it; a refusal is remembered. Rejects as the control does when there is
   * no answer.
   */
  async set(rule: Buffer, add: (rule: Buffer) => Promise<void>): Promise<boolean> {
    try {
      await add(rule);
      this.refused.delete(idOf(rule));
      return true;
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      this.refused.add(idOf(rule));
      return false;
    }
  }

  /** Nothing can be set any more, and these are missing. */
  refuse(missing: readonly Buffer[]): void {
    for (const rule of missing) if (this.wanted.includes(rule)) this.refused.add(idOf(rule));
  }

  /** After all were tried. */
  tell(): void {
    const wanted = new Map(this.wanted.map((rule) => [idOf(rule), rule]));
    for (const id of [...this.refused]) if (!wanted.has(id)) this.refused.delete(id);
    const rules = [...this.refused].map((id) => wanted.get(id));
    const paths = new Set(
      rules.map((rule) => rule && decodeRule(rule)?.path).filter((path) => path !== undefined),
    );
    this.onUnwatched([...paths]);
  }
}

function idOf(rule: Buffer): string {
  return rule.toString('latin1');
}
