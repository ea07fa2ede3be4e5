/** Where the host's files are; tests point them at a tree of captured files. No trailing slashes. */
export interface Paths {
  readonly procRoot: string;
  readonly etcRoot: string;
  readonly logRoot: string;
  /** Where the journal is; absent: where journald of this device has it. */
  readonly journalDirectory?: string;
}

export const hostPaths: Paths = { procRoot: '/proc', etcRoot: '/etc', logRoot: '/var/log' };
