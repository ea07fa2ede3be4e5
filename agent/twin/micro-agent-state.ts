import type { JsonObject } from '../../base/json.js';
import type { Evaluation } from '../../config/evaluate-twin.js';

/** What the micro agent reports of its settings: whether it took them, and which not. */
export const microAgentStateNames: readonly string[] = ['latest_state', 'latest_invalid_fields'];

/**
 * How a twin in the dialect of the micro agent is answered beside our own objects: a text and a list, as its back ends
 * know them. Empty for any other dialect, so that what was reported before a fleet moved on is taken back.
 */
export function microAgentState(evaluation: Evaluation | undefined): JsonObject {
  if (evaluation?.dialect !== 'microAgent') return {};
  const invalid = evaluation.problems
    .filter(({ errorType }) => errorType === 'TypeMismatch')
    .map(({ key }) => key);
  return {
    latest_state: invalid.length === 0 ? 'success' : 'failed',
    latest_invalid_fields: invalid,
  };
}
