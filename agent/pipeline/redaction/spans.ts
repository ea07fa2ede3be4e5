/** What is shown in place of a secret. */
export const mask = '***';

/** A secret within a text: code units, the end exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The text with each span replaced by the mask; spans that touch or overlap become one. The text itself without any. */
export function maskSpans(text: string, spans: readonly Span[]): string {
  if (spans.length === 0) return text;
  const sorted = [...spans].sort((a, b) => a.start - b.start);
  const parts: string[] = [];
  let shown = 0;
  let end = -1;
  for (const span of sorted) {
    if (span.start > end) {
      parts.push(text.slice(shown, span.start), mask);
      shown = span.end;
    }
    end = Math.max(end, span.end);
    shown = Math.max(shown, end);
  }
  return parts.join('') + text.slice(shown);
}
