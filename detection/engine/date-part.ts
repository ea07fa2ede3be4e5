import type { TimePart } from '../language/expression.js';

const shape = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})|$)/;

/**
 * A number out of a date as it is written, such as `2026-03-01T22:15:00Z`: no time zone is converted. Undefined of what is
 * no such date, or says no time where one is asked for. A week is that of ISO 8601.
 */
export function datePart(text: string, part: TimePart): number | undefined {
  const [, year, month, day, hour, minute] = shape.exec(text) ?? [];
  const number = (digits: string | undefined): number | undefined =>
    digits === undefined ? undefined : Number(digits);
  switch (part) {
    case 'year':
      return number(year);
    case 'month':
      return number(month);
    case 'day':
      return number(day);
    case 'hour':
      return number(hour);
    case 'minute':
      return number(minute);
    case 'week':
      return year === undefined
        ? undefined
        : weekOf(new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))));
  }
}

/** Week 1 is that of the first Thursday of the year. */
function weekOf(date: Date): number | undefined {
  const time = date.getTime();
  if (Number.isNaN(time)) return undefined;
  const dayMs = 86_400_000;
  const thursday = new Date(time + (4 - (date.getUTCDay() || 7)) * dayMs);
  const newYear = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  return Math.floor((thursday.getTime() - newYear) / dayMs / 7) + 1;
}
