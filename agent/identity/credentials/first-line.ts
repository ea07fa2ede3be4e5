/** The first line of a file that people write, without a byte order mark and the blanks around it. */
export function firstLine(text: string): string {
  return (text.replace(/^\uFEFF/, '').split('\n', 1)[0] ?? '').trim();
}
