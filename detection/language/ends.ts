/**
 * A text of at most `most` units and one: the first and the last half of a longer one, with a NUL between, which no text of
 * the kernel holds, so that nothing matches across the gap.
 */
export function endsOf(text: string, most: number): string {
  if (text.length <= most) return text;
  const half = most >> 1;
  return `${text.slice(0, half)}\0${text.slice(text.length - half)}`;
}
