/**
 * The variables of os-release(5): assignments of a shell, of which only quotes and backslashes are understood; nothing
 * is expanded. What is no assignment is passed over, and of two the last one counts, as in a shell.
 */
export function parseOsRelease(text: string): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^\s*([A-Z][A-Z0-9_]*)=(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    const [, quote, inner] = /^(["'])(.*)\1$/.exec(value) ?? [];
    const plain = inner ?? value;
    variables.set(name, quote === "'" ? plain : plain.replace(/\\(["'$`\\])/g, '$1'));
  }
  return variables;
}
