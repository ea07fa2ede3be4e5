/** Where the host's files are; tests point them at a tree of captured files. No trailing slashes. */
export interface Paths {
  readonly procRoot: string;
  readonly etcRoot: string;
  readonly logRoot: string;
}

export const hostPaths: Paths = { procRoot: '/proc', etcRoot: '/etc', logRoot: '/var/log' };
