/** Where the host's files are; tests point them at a tree of captured files. No trailing slashes. */
export interface Paths {
  /** What is in none of the folders below: `/boot`, `/home`, `/dev`, `/run`, `/var`. Empty on the host itself. */
  readonly root: string;
  readonly procRoot: string;
  readonly sysRoot: string;
  readonly etcRoot: string;
  readonly usrRoot: string;
  readonly logRoot: string;
  /** Where the journal is; absent: where journald of this device has it. */
  readonly journalDirectory?: string;
}

/** All of them in one tree, laid out as a device has them. */
export function pathsUnder(root: string): Paths {
  return {
    root,
    procRoot: `${root}/proc`,
    sysRoot: `${root}/sys`,
    etcRoot: `${root}/etc`,
    usrRoot: `${root}/usr`,
    logRoot: `${root}/var/log`,
  };
}

export const hostPaths = pathsUnder('');
