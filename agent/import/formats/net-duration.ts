const shape = /^(?:(\d{1,8})\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?$/;

/**
 * Reads a span of time as .NET writes it, `[d.]hh:mm[:ss[.fffffff]]` (`TimeSpan.Parse`), never negative.
 * @returns it as an ISO-8601 duration; undefined for anything else
 */
export function readNetDuration(text: string): string | undefined {
  const [, days = '0', hours = '', minutes = '', seconds = '0', fraction = ''] =
    shape.exec(text.trim()) ?? [];
  if (hours === '' || Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59)
    return undefined;
  const whole = ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
  const rest = fraction.replace(/0+$/, '');
  return `PT${whole}${rest === '' ? '' : `.${rest}`}S`;
}
