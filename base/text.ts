/** Control, format, unassigned and lone surrogate characters, and the two separators that end a line. */
const unprintable = /[\p{C}\u2028\u2029]/gu;

/**
 * A stranger's text for a log line or a report: unprintable characters escaped, so that it can neither forge a line nor
 * move a terminal's cursor or reorder what is shown (Unicode TR 36), and cut to `maxLength` UTF-16 units.
 */
export function printable(text: string, maxLength = Infinity): string {
  // Escaping makes it longer, never shorter: nothing past maxLength could be shown.
  const escaped = text.slice(0, maxLength + 1).replace(unprintable, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
  if (escaped.length <= maxLength) return escaped;
  return `${escaped.slice(0, maxLength - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
