import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';

/**
 * Whether asking about the rules of nf_tables leaves the kernel as it is. The kernel loads the module for whoever asks,
 * outside of any sandbox; a module that is not loaded has no rules. Undefined where it is not loaded and nothing tells
 * whether it is built in, as in a container.
 */
export function hasNfTables(root = ''): boolean | undefined {
  const loaded = textOf(`${root}/proc/modules`);
  // A kernel without modules has built in what it has, and can load nothing.
  if (loaded === undefined || /^nf_tables /m.test(loaded)) return true;
  if (textOf(`${root}/proc/sys/kernel/modules_disabled`)?.trim() === '1') return true;
  const builtIn = ['/lib', '/usr/lib']
    .map((library) => textOf(`${root}${library}/modules/${release()}/modules.builtin`))
    .find((text) => text !== undefined);
  return builtIn === undefined ? undefined : /\/nf_tables\.ko$/m.test(builtIn);
}

/** The same of the legacy tables of IPv4 or IPv6: the kernel lists those that were used. */
export function hasLegacyTables(family: 'ip' | 'ip6', root = ''): boolean {
  return existsSync(`${root}/proc/net/${family}_tables_names`);
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
