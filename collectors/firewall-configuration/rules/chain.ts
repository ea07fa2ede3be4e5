import type { Details, Payload } from '../../../contract/events.js';
import type { ConditionField } from './conditions.js';

/** What becomes of a packet that a rule, or an element of its map, speaks of. */
export interface Verdict {
  /** `other`: everything that decides nothing by itself, and what is not understood. */
  readonly kind: 'accept' | 'deny' | 'other';
  /** In the words of the program; absent where `kind` says it all. */
  readonly written?: string;
}

/** One entry of the event: a rule, or an element of the map of verdicts that a rule holds. */
export interface Entry {
  readonly verdict: Verdict;
  readonly fields: Partial<Pick<Payload<'FirewallConfiguration'>, ConditionField>>;
  readonly details: Details<'FirewallConfiguration'>;
}

/** A chain of rules, as nftables or iptables hold it. */
export interface Chain {
  /** Family and name of its table: `inet filter`. */
  readonly table: string;
  readonly name: string;
  /** Of a base chain: where the kernel asks it. */
  readonly base?: BaseChain;
  /** Which iptables told it; absent for nftables. */
  readonly backend?: 'legacy' | 'nft';
  /** False in a table that is switched off; `unknown` where the program does not tell it readably. */
  readonly enabled: boolean | 'unknown';
  /** The rules in their order; each is one entry or several. */
  readonly rules: readonly (readonly Entry[])[];
  /** Names of the chains that its rules lead to. */
  readonly leadsTo: ReadonlySet<string>;
}

export interface BaseChain {
  /** In lower case: `input`. */
  readonly hook: string;
  /** `filter`, `nat` or `route`; iptables' tables other than `filter` and `nat` are `route`: they decide little. */
  readonly type: string;
  /** In lower case: `accept` or `drop`. */
  readonly policy: string;
  /** Place among the base chains of the hook. */
  readonly priority?: string;
}
