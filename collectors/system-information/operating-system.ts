import { parseOsRelease } from '../kernel/files/os-release.js';
import { known, type SystemFiles, tidy, type Told } from './system-files.js';

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
