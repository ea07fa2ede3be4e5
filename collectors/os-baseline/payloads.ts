import { printable } from '../../base/text.js';
import { utcText } from '../../base/timestamps.js';
import type { Details, Payload } from '../../contract/events.js';
import type { CheckText } from './checks/check.js';
import { countsOf, type Outcome } from './run-baseline.js';

/** Of what was found: a list of files, a line of a configuration. */
const longestFound = 512;

/**
 * What dashboards of the old agents look for: the CCE id of the retired baseline where the check is one of its rules, else
 * the section of the CIS benchmark, else our own id.
 */
export function cceIdOf({ cceId, section, id }: CheckText): string {
  return cceId ?? section ?? id;
}

/**
 * The checks that did not pass, as the contract has it. The first of them also tells how many passed and did not apply;
 * where all passed there is none, and the source of the collector tells the numbers.
 *
 * @param nowMs wall clock of the snapshot
 * @param disabled how many checks the twin switches off
 */
export function toPayloads(
  outcomes: readonly Outcome[],
  nowMs: number,
  disabled = 0,
): Payload<'OSBaseline'>[] {
  const payloads = outcomes.flatMap((outcome) => payloadOf(outcome, nowMs));
  const [first] = payloads;
  if (first === undefined) return payloads;
  const { passed, failed, errors, notApplicable } = countsOf(outcomes);
  first.ExtraDetails = {
    ...first.ExtraDetails,
    ...({
      Passed: String(passed),
      Failed: String(failed),
      Errors: String(errors),
      NotApplicable: String(notApplicable),
      ...(disabled > 0 && { Disabled: String(disabled) }),
    } satisfies Details<'OSBaseline'>),
  };
  return payloads;
}

function payloadOf({ check, verdict }: Outcome, nowMs: number): Payload<'OSBaseline'>[] {
  if (verdict.result === 'pass' || verdict.result === 'notApplicable') return [];
  const isFailure = verdict.result === 'fail';
  return [
    {
      Description: `${check.title}.`,
      CceId: cceIdOf(check),
      Result: isFailure ? 'Fail' : 'Err',
      Error: isFailure ? '' : printable(`${verdict.why}.`, longestFound),
      Severity: check.severity,
      ExtraDetails: {
        CheckId: check.id,
        ...(check.ruleId !== undefined && { RuleId: check.ruleId }),
        ...(check.section !== undefined && { CisSection: check.section }),
        ...(verdict.asOfMs !== undefined && {
          AsOf: utcText(verdict.asOfMs),
          AgeInSeconds: String(Math.max(0, Math.round((nowMs - verdict.asOfMs) / 1000))),
        }),
        ...(isFailure && {
          Found: printable(verdict.found, longestFound),
          Expected: check.expected,
          Remedy: check.remedy,
        }),
      } satisfies Details<'OSBaseline'>,
    },
  ];
}
