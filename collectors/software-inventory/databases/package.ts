export const packageManagers = ['dpkg', 'rpm', 'opkg', 'apk'] as const;
export type PackageManager = (typeof packageManagers)[number];

/** An installed package, by the database of its manager. Every text is printable and bounded. */
export interface InstalledPackage {
  readonly manager: PackageManager;
  readonly name: string;
  /** With epoch and release, as the manager writes it. */
  readonly version: string;
  readonly architecture?: string;
  /** Who maintains or supplies it: a name, often with an address in angle brackets. */
  readonly supplier?: string;
  /** What the database says of its licence, as it stands there. */
  readonly license?: string;
  /** Where it has another name. */
  readonly source?: string;
  /** Where it is another. */
  readonly sourceVersion?: string;
  readonly homepage?: string;
}

/** Longest text of each field, in UTF-16 units; longer ones are cut. */
export const longestField = 300;
