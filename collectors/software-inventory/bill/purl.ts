import type { InstalledPackage, PackageManager } from '../databases/package.js';

/** Which distribution a package is of, by os-release(5). */
export interface Distribution {
  readonly id: string;
  readonly version?: string;
}

const types: Readonly<Record<PackageManager, string>> = {
  dpkg: 'deb',
  rpm: 'rpm',
  opkg: 'opkg',
  apk: 'apk',
};

/**
 * The package URL of a package (ECMA-427): type, distribution, name and version, with its architecture and release. Of a
 * device that does not say which distribution it has, a `generic` one: the others need it.
 * @param source the source package, where its name is another; scanners look for advisories by it (`upstream`)
 */
export function packageUrl(
  { manager, name, version, architecture, sourceVersion }: InstalledPackage,
  distribution: Distribution | undefined,
  source: string | undefined,
): string {
  const [, epoch, rest] = /^(?:(\d+):)?(.*)$/.exec(version) ?? [];
  const isRpm = manager === 'rpm';
  const { id, version: release } = distribution ?? {};
  const upstream =
    source === undefined && sourceVersion === undefined
      ? undefined
      : [source ?? name, sourceVersion].filter(Boolean).join('@');
  const qualifiers = {
    arch: architecture,
    distro: id === undefined ? undefined : [id, release].filter(Boolean).join('-'),
    epoch: isRpm ? epoch : undefined,
    upstream,
  };
  const written = Object.entries(qualifiers).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${encoded(value)}`],
  );
  const place = id === undefined ? 'generic' : `${types[manager]}/${encoded(id.toLowerCase())}`;
  const shownVersion = isRpm ? (rest ?? version) : version;
  const query = written.length === 0 ? '' : `?${written.join('&')}`;
  return `pkg:${place}/${encoded(name)}@${encoded(shownVersion)}${query}`;
}

/** Percent-encoded but for letters, digits and `-._~:`. Halves of characters are in no text of a package. */
function encoded(text: string): string {
  const percent = (character: string): string =>
    `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text)
    .replaceAll('%3A', ':')
    .replace(/[!'()*]/g, percent);
}
