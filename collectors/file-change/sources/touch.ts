/** A process as far as it is known. */
export interface KnownProcess {
  readonly pid: number;
  readonly executable: string | undefined;
  /** Empty where it is not known. */
  readonly argv: readonly string[];
  readonly uid: number | undefined;
}

/** Who did something. */
export interface Doer {
  readonly process: KnownProcess;
  readonly loginUid: number | undefined;
  /** The processes above it, the nearest first, as far as they belong to what was started together. */
  readonly above: readonly KnownProcess[];
  /** It installs packages, or was started by what does. */
  readonly installs: boolean;
}

/** Something may have changed at a path. */
export interface Touch {
  /** Of the device; undefined where only the inode is known. */
  readonly path: string | undefined;
  /** `MAJOR:MINOR:INODE` of what is or was there, where the source has it. */
  readonly inode?: string | undefined;
  readonly timeMs: number;
  /** It was seen to come. */
  readonly isNew?: boolean;
  /** Absent where the source does not tell. */
  readonly doer?: Doer;
}

/** `missed`: changes may be unseen, so that everything is looked at again. */
export type FileFacts = Touch | 'missed';
