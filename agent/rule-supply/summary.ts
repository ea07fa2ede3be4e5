import type { JsonObject } from '../../base/json.js';
import { printable } from '../../base/text.js';
import type { RuleOrigin } from '../../detection/language/document.js';
import type { Refusal } from '../../detection/language/read-rules.js';
import type { RuleSet } from '../../detection/rules/rule-set.js';
import { headersOf } from './findings.js';

/** Which rules are in force. */
export interface SupplySummary {
  /** Rules and correlations that raise alerts or serve others that do. */
  readonly loaded: number;
  readonly correlations: number;
  readonly filters: number;
  /** Of all these by where they are from. */
  readonly sources: Readonly<Record<RuleOrigin, number>>;
  readonly refused: readonly Refusal[];
  /** Rules that are there and raise no alerts by the settings. */
  readonly disabled: number;
  /** Rules in whose place others with the same id are. */
  readonly overridden: number;
  /** Rules that ask for what no event here has. */
  readonly needing: number;
  /** The same on every device on which the same rules and settings of them are; empty where there are none. */
  readonly hash: string;
  /** Milliseconds that reading took the last time, pauses included. */
  readonly readMs: number;
  /** Why the rules are not what they should be; undefined where they are. */
  readonly problem: string | undefined;
}

export function summaryOf(
  base: RuleSet,
  inForce: RuleSet,
  told: Pick<SupplySummary, 'hash' | 'problem' | 'readMs'>,
): SupplySummary {
  const sources = { builtin: 0, local: 0, twin: 0 };
  for (const { source } of headersOf(inForce)) sources[source]++;
  const loaded = inForce.rules.length + inForce.correlations.length;
  return {
    loaded,
    correlations: inForce.correlations.length,
    filters: inForce.filters.length,
    sources,
    refused: base.refusals,
    disabled: base.rules.length + base.correlations.length - loaded,
    overridden: base.overridden.length,
    needing: inForce.rules.filter(({ needs }) => needs.length > 0).length,
    ...told,
  };
}

const mostNamed = 8;

/** For the reported properties, in which there is little room and no list. */
export function reportedSummary(summary: SupplySummary): JsonObject {
  const { disabled, hash, loaded, needing, overridden, problem, refused, sources } = summary;
  const named = refused.slice(0, mostNamed).map(({ file, line, reason, source }) => {
    const name = printable(`${source}/${file}${line === undefined ? '' : `:${line}`}`, 64);
    return [name.replace(/[.$\s]/g, '_'), printable(reason, 128)] as const;
  });
  return {
    loaded,
    ...(hash !== '' && { hash }),
    sources: { ...sources },
    ...(disabled > 0 && { disabled }),
    ...(overridden > 0 && { overridden }),
    ...(needing > 0 && { needing }),
    ...(refused.length > 0 && { refused: refused.length, reasons: Object.fromEntries(named) }),
    ...(problem !== undefined && { problem: printable(problem, 256) }),
  };
}
