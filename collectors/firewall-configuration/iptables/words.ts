/**
 * The words of a line of `iptables-save`: parted by blanks, quoted with `"` where they hold any, `\` before a quote or a
 * backslash inside of quotes. Undefined when a quote does not end.
 */
export function wordsOf(line: string): readonly string[] | undefined {
  const found: string[] = [];
  const text = line.trimEnd();
  const word = / *(?:"((?:[^"\\]|\\.)*)"|([^ "]+))(?= |$)/y;
  while (word.lastIndex < text.length) {
    const at = word.exec(text);
    if (at === null) return undefined;
    found.push(at[1] === undefined ? (at[2] ?? '') : at[1].replaceAll(/\\(.)/g, '$1'));
  }
  return found;
}
