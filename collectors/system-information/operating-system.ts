import { known, type SystemFiles, tidy, type Told } from './system-files.js';

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

/** Which distribution it is; the file in /etc goes before that of the vendor. */
export async function operatingSystem(files: SystemFiles): Promise<Told> {
  const { etcRoot, usrRoot, procRoot } = files.paths;
  const text =
    (await files.text(`${etcRoot}/os-release`)) ?? (await files.text(`${usrRoot}/lib/os-release`));
  const variables = parseOsRelease(text ?? '');
  const of = (name: string): string | undefined => tidy(variables.get(name));
  return {
    fields: known({
      OSName: of('NAME') ?? (await files.value(`${procRoot}/sys/kernel/ostype`)),
      OSVersion: of('VERSION') ?? of('VERSION_ID') ?? of('BUILD_ID'),
      OSVendor: of('VENDOR_NAME'),
    }),
    details: known({
      OsId: of('ID'),
      OsVersionId: of('VERSION_ID'),
      OsVariant: of('VARIANT_ID') ?? of('VARIANT'),
      OsImage: [of('IMAGE_ID'), of('IMAGE_VERSION')].filter(Boolean).join(' ') || undefined,
      OsBuild: of('BUILD_ID'),
      OsSupportEnd: of('SUPPORT_END'),
      OsReleaseKnown: text === undefined ? 'false' : undefined,
    }),
  };
}
