/** The last millisecond that both texts can express with a four-digit year, whatever the time zone. */
const latestMs = Date.UTC(9999, 11, 30);

const bounded = (wallMs: number): number =>
  Number.isFinite(wallMs) ? Math.min(Math.max(Math.trunc(wallMs), 0), latestMs) : 0;

/** ISO 8601 in UTC with milliseconds: `2026-01-02T03:04:05.678Z`. `wallMs` counts from the epoch. */
export function utcText(wallMs: number): string {
  return new Date(bounded(wallMs)).toISOString();
}

/** ISO 8601 in local time with the offset in force at that moment: `2026-01-02T04:04:05.678+01:00`. */
export function localText(wallMs: number): string {
  const time = new Date(bounded(wallMs));
  const offsetMinutes = -Math.round(time.getTimezoneOffset());
  const shifted = new Date(time.getTime() + offsetMinutes * 60_000);
  const minutes = Math.abs(offsetMinutes);
  const offset = [Math.floor(minutes / 60), minutes % 60]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
  return `${shifted.toISOString().slice(0, -1)}${offsetMinutes < 0 ? '-' : '+'}${offset}`;
}
