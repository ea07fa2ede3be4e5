/**
 * A path as one value of a setting such as `ReadWritePaths=` in a systemd unit, to be copied as it stands: `%` begins a
 * specifier there (systemd.unit(5)), blanks separate values, and quotes and backslashes are read as in C
 * (systemd.syntax(7)).
 */
export function unitPath(path: string): string {
  const escaped = path.replaceAll('%', '%%');
  if (/^[^\s"'\\]+$/.test(escaped)) return escaped;
  return `"${escaped.replace(/["\\]/g, '\\$&')}"`;
}
