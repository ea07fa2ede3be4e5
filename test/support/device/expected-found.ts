import type { ReceivedMessage } from '../../../local-hub/hub/local-hub.js';
import { payloadsOf } from '../running-agent.js';

/** What an action must have left in the messages. */
export interface Expected {
  readonly action: string;
  readonly event: 'ProcessCreate' | 'ProcessTerminate' | 'ConnectionCreate' | 'Login';
  /** The fields that the payload must have, the ones that tell it from all others first. */
  readonly fields: Readonly<Record<string, string | number>>;
}

export interface Row extends Expected {
  /** The same fields as they were found; of the payload that comes nearest where none has them all. */
  readonly found: Readonly<Record<string, unknown>> | undefined;
  readonly isFound: boolean;
}

/** Looks for each in the messages; a payload is found for one expectation only. */
export function findExpected(
  messages: readonly ReceivedMessage[],
  expected: readonly Expected[],
): readonly Row[] {
  const taken = new Set<object>();
  return expected.map((one) => {
    const keys = Object.keys(one.fields);
    const score = (payload: Readonly<Record<string, unknown>>): number => {
      const wrong = keys.findIndex((key) => payload[key] !== one.fields[key]);
      return wrong === -1 ? keys.length : wrong;
    };
    const [nearest] = payloadsOf(messages, one.event)
      .filter((payload) => !taken.has(payload))
      .map((payload) => ({ payload, fits: score(payload) }))
      .filter(({ fits }) => fits > 0)
      .sort((a, b) => b.fits - a.fits);
    if (nearest === undefined) return { ...one, found: undefined, isFound: false };
    const isFound = nearest.fits === keys.length;
    if (isFound) taken.add(nearest.payload);
    const found = Object.fromEntries(keys.map((key) => [key, nearest.payload[key]]));
    return { ...one, found, isFound };
  });
}

/** The rows as text: what was done, what was expected of it, and what was found. */
export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ action, event, fields, found, isFound }) =>
    [
      `${isFound ? 'found  ' : 'MISSING'}  ${action}: ${event}`,
      `  expected  ${textOf(fields)}`,
      `  found     ${found === undefined ? 'nothing' : textOf(found)}`,
    ].join('\n'),
  );
  return `${lines.join('\n')}\n`;
}

function textOf(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join('  ');
}
