import { FileError, readBoundedFile } from '../../base/bounded-file.js';
import type { Paths } from '../kernel/paths.js';

/** What the files of the kernel tell of its packet filters, without any program. */
export interface KernelTables {
  /** Whether the kernel has nf_tables; undefined where that is not known. */
  readonly nfTables: boolean | undefined;
  /** Names of the legacy tables that are in use, by family; undefined where the agent may not read them. */
  readonly legacy: Readonly<Record<'ip' | 'ip6', readonly string[] | undefined>>;
  readonly hasIpv6: boolean;
}

const mostBytes = 256 * 1024;

/** Reads `/proc`, and the list of what is built into the kernel. Never rejects: what cannot be read is not known. */
export async function readKernelTables(paths: Paths): Promise<KernelTables> {
  const ipv6 = await read(`${paths.procRoot}/net/if_inet6`);
  return {
    nfTables: await hasNfTables(paths),
    legacy: { ip: await legacyTables(paths, 'ip'), ip6: await legacyTables(paths, 'ip6') },
    hasIpv6: ipv6.text === undefined ? !ipv6.missing : ipv6.text.trim() !== '',
  };
}

async function hasNfTables(paths: Paths): Promise<boolean | undefined> {
  const loaded = await read(`${paths.procRoot}/modules`);
  if (loaded.text !== undefined && /^nf_tables /m.test(loaded.text)) return true;
  const { text: release } = await read(`${paths.procRoot}/sys/kernel/osrelease`);
  if (loaded.text === undefined || !/^[\w.+~-]{1,128}\n?$/.test(release ?? '')) return undefined;
  for (const library of [`${paths.usrRoot}/lib`, `${paths.root}/lib`]) {
    const builtIn = await read(`${library}/modules/${release?.trim()}/modules.builtin`);
    if (builtIn.text !== undefined) return /\/nf_tables\.ko$/m.test(builtIn.text);
  }
  return undefined;
}

async function legacyTables(
  { procRoot }: Paths,
  family: 'ip' | 'ip6',
): Promise<readonly string[] | undefined> {
  const names = await read(`${procRoot}/net/${family}_tables_names`);
  return names.missing ? [] : names.text?.split('\n').filter((name) => name !== '');
}

/** What the files alone tell, in a sentence. */
export function inWords({ nfTables, legacy }: KernelTables): string {
  const has = { true: 'has nf_tables', false: 'has no nf_tables', unknown: 'may have nf_tables' };
  const tables = (['ip', 'ip6'] as const).map((family) => {
    const names = legacy[family];
    if (names === undefined) return `legacy tables of ${family}tables that are not known`;
    return names.length === 0
      ? `no legacy table of ${family}tables`
      : `the legacy tables ${names.join(', ')} of ${family}tables`;
  });
  const known = nfTables === undefined ? 'unknown' : (String(nfTables) as 'true' | 'false');
  return `By its files the kernel ${has[known]}, ${tables.join(', and ')}.`;
}

interface Read {
  readonly text?: string;
  readonly missing: boolean;
}

async function read(path: string): Promise<Read> {
  try {
    const { bytes } = await readBoundedFile(path, mostBytes);
    return { text: bytes.toString('latin1'), missing: false };
  } catch (error) {
    return { missing: error instanceof FileError && error.kind === 'missing' };
  }
}
