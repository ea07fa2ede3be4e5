/** A span of time as somebody wrote it. */
export interface Duration {
  /** ISO-8601 text, exactly as written. */
  readonly text: string;
  /** Whole milliseconds; never negative. */
  readonly ms: number;
}

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** A year counts as 365 days and a month as 30: a setting has no date that they could be counted from. */
const unitsMs = [365 * dayMs, 30 * dayMs, 7 * dayMs, dayMs, hourMs, minuteMs, secondMs] as const;

/** Longest text accepted; no sensible interval comes near. */
export const longestDurationText = 64;

/** Only the last component may have a fraction, so a fraction must be followed by a unit and the end. */
const component = (unit: string): string => `(?:(\\d+(?:[.,]\\d+(?=${unit}$))?)${unit})?`;

/** The ISO-8601 duration grammar: years, months, weeks and days, then hours, minutes and seconds after a `T`. */
export const durationPattern =
  `^P(?=[\\dT])${['Y', 'M', 'W', 'D'].map(component).join('')}` +
  `(?:T(?=\\d)${['H', 'M', 'S'].map(component).join('')})?$`;

const durationExpression = new RegExp(durationPattern);

/** Reads an ISO-8601 duration with weeks and fractions; undefined for anything else, negative durations included. */
export function parseDuration(text: string): Duration | undefined {
  if (text.length > longestDurationText) return undefined;
  const components = durationExpression.exec(text)?.slice(1);
  if (!components) return undefined;
  const ms = unitsMs.reduce((sum, unitMs, index) => {
    const written = components[index];
    return written === undefined ? sum : sum + Number(written.replace(',', '.')) * unitMs;
  }, 0);
  return { text, ms: Math.round(ms) };
}

/** Reads a duration that stands in the program itself. */
export function duration(text: string): Duration {
  const parsed = parseDuration(text);
  if (!parsed) throw new TypeError(`${text} is not an ISO-8601 duration`);
  return parsed;
}
