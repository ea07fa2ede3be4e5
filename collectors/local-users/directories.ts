/** Sources of nsswitch.conf(5) that are /etc/passwd and /etc/group; all others are named, also further files. */
const readSources = new Set(['files', 'compat']);
const databases = new Set(['passwd', 'group', 'initgroups']);
const longestSource = 64;
const mostSources = 16;

/**
 * The directory services that nsswitch.conf asks for users or groups (`sss`, `ldap`, `winbind`, `systemd`, `nis`), in
 * the order in which they stand there: the accounts that only they know are in no file.
 */
export function directoryServices(nsswitch: string): readonly string[] {
  const services = new Set<string>();
  for (const line of nsswitch.split('\n')) {
    const [text = ''] = line.split('#');
    const colon = text.indexOf(':');
    if (colon < 0 || !databases.has(text.slice(0, colon).trim())) continue;
    // [NOTFOUND=return] is what to do after a source, not a source.
    const sources = text.slice(colon + 1).replaceAll(/\[[^\]]*\]?/gu, ' ');
    for (const source of sources.split(/\s+/u)) {
      const isDirectory = source !== '' && !readSources.has(source);
      if (isDirectory && services.size < mostSources) services.add(source.slice(0, longestSource));
    }
  }
  return [...services];
}
